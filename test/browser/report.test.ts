/** The page of a report in a real browser. Set NETWEIR_SHOTS to a folder to keep pictures of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { Report } from '../../src/report/report-document.ts'
import type { OpenPage, View } from '../support/browser.ts'
import { describeBrowser, launch, openPage } from '../support/browser.ts'
import { createFakeIo } from '../support/fake-io.ts'
import type { FlowOptions } from '../support/flows.ts'
import { flowLines } from '../support/flows.ts'
import { expectedProse, expectedTables, figuresIn } from '../support/page-tables.ts'

const root = resolve(import.meta.dirname, '..', '..')
const shots = process.env['NETWEIR_SHOTS']
const shop = join(root, 'samples', 'shop')
const shopArguments = [
  join(shop, 'flows.jsonl'),
  ...['--inventory', join(shop, 'inventory.yaml')],
  ...['--existing', join(shop, 'policies')],
  ...['--zones', join(shop, 'zones', 'zones.yaml')],
  ...['--approvals', join(shop, 'zones', 'approvals.yaml')],
]
const desktop: View = { width: 1440, height: 1000 }
const phone: View = { width: 390, height: 844 }

/** What a label, a name or a host may hold if nobody stops it. */
const hostile = '<img src=x onerror=alert(1)>"\'`</script><script>alert(2)</script>\u202e{{7*7}}'

describeBrowser('the page of a report', (executable) => {
  let browser: Browser
  let work = ''

  beforeAll(async () => {
    browser = await launch(executable)
    work = mkdtempSync(join(tmpdir(), 'netweir-page-'))
  })

  afterAll(async () => {
    await browser.close()
    rmSync(work, { recursive: true, force: true })
  })

  async function report(name: string, argv: readonly string[]): Promise<string> {
    const io = createFakeIo()
    const file = join(work, `${name}.html`)
    const code = await main(['report', ...argv, '--out', file], io)
    expect({ code, err: io.err }).toEqual({ code: 0, err: expect.any(String) })
    return file
  }

  async function look(file: string, view: View, visit: (open: OpenPage) => Promise<void>) {
    const open = await openPage(browser, file, view)
    try {
      await visit(open)
      expect({ complaints: open.complaints, requests: open.requests }).toEqual({
        complaints: [],
        requests: [],
      })
    } finally {
      await open.context.close()
    }
  }

  async function keep(page: Page, name: string): Promise<void> {
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) })
  }

  describe('of the sample', () => {
    let file = ''
    beforeAll(async () => {
      file = await report('shop', shopArguments)
    })

    test.each([
      ['desktop-light', { ...desktop, scheme: 'light' }],
      ['desktop-dark', { ...desktop, scheme: 'dark' }],
      ['phone-light', { ...phone, scheme: 'light' }],
      ['phone-dark', { ...phone, scheme: 'dark' }],
    ] as const)('opens without a word, and fits its width: %s', async (name, view) => {
      await look(file, view, async ({ page }) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth)
        expect(width).toBeLessThanOrEqual(view.width)
        const colors = await page.evaluate(() => {
          const { color, backgroundColor } = getComputedStyle(document.body)
          return [color, backgroundColor].map((text) => Number(/\d+/.exec(text)?.[0]))
        })
        const [ink = 0, ground = 0] = colors
        expect(ink < ground).toBe(view.scheme === 'light')
        await keep(page, `shop-${name}-top`)
        await page.locator('#map-section').scrollIntoViewIfNeeded()
        await page.evaluate(() => document.getElementById('map-section')?.scrollIntoView())
        await keep(page, `shop-${name}-map`)
        for (const id of ['zones', 'workloads', 'controls', 'communications']) {
          await page.evaluate((one) => document.getElementById(one)?.scrollIntoView(), id)
          await keep(page, `shop-${name}-${id}`)
        }
      })
    })

    test('a click on a workload shows clusterwide policies, and each of two of one name', async () => {
      const spec = 'spec: {endpointSelector: {}, ingress: [{fromEntities: [cluster]}]}'
      const cilium = join(work, 'cilium.yaml')
      const head = 'apiVersion: cilium.io/v2\nkind: Cilium'
      writeFileSync(
        cilium,
        `${head}ClusterwideNetworkPolicy\nmetadata: {name: inside}\n${spec}\n---\n${head}NetworkPolicy\nmetadata: {name: cart, namespace: shop}\n${spec}\n`,
      )
      const both = await report('both', [...shopArguments, '--existing', cilium])
      await look(both, desktop, async ({ page }) => {
        await page.locator('[data-node]', { hasText: /^cart(?!-)/ }).click()
        await expect.poll(() => page.locator('#panel h3').textContent()).toBe('shop/cart')
        const summaries = await page.locator('#panel summary').allTextContents()
        expect(summaries.filter((text) => text.startsWith('Policy shop/cart ('))).toHaveLength(2)
        expect(summaries.some((text) => text.startsWith('Policy inside (existing'))).toBe(true)
      })
    })

    test('a click on a workload shows its policy, and on a line its evidence', async () => {
      await look(file, desktop, async ({ page }) => {
        await page.locator('[data-node]', { hasText: /^records-api/ }).click()
        const panel = page.locator('#panel')
        await expect.poll(() => panel.textContent()).toContain('patients/records-api')
        expect(await panel.locator('pre').count()).toBeGreaterThan(0)
        expect(await panel.locator('pre').first().textContent()).toContain('kind: NetworkPolicy')
        await panel.getByRole('button', { name: 'shop/checkout' }).first().click()
        const text = await panel.textContent()
        expect(text).toContain('8080/TCP')
        expect(text).toContain('allowed by')
        expect(text).toContain('2026-03-02T09:')
        expect(text).toMatch(/samples[0-9a-f]{8}-/)
        await keep(page, 'shop-line')
      })
    })

    test('search and filters leave what fits', async () => {
      await look(file, desktop, async ({ page }) => {
        const rows = page.locator('#communications tbody tr:visible')
        const all = await rows.count()
        await page.locator('#search').fill('stripe')
        await expect.poll(() => rows.count()).toBe(1)
        expect(await rows.first().textContent()).toContain('payments/payments-api')
        await page.locator('#search').press('Enter')
        await expect.poll(() => page.locator('#panel h3').textContent()).toContain('stripe')
        await page.locator('#clear').click()
        await expect.poll(() => rows.count()).toBe(all)
        await page.locator('#filter-namespace').selectOption('patients')
        const some = await rows.count()
        expect(some).toBeGreaterThan(0)
        expect(some).toBeLessThan(all)
        for (const text of await rows.allTextContents()) expect(text).toContain('patients/')
        await page.locator('#clear').click()
        await page.locator('#filter-state').selectOption('dropped')
        for (const text of await rows.allTextContents()) {
          expect(text).toMatch(/denied|conflict|icmp|suspect/)
        }
        await page.locator('#search').fill('no such thing')
        await expect.poll(() => rows.count()).toBe(0)
        await expect.poll(() => page.locator('#hint').textContent()).toContain('0 lines')
      })
    })

    test('can be used without a mouse', async () => {
      await look(file, desktop, async ({ page }) => {
        await page.locator('[data-node]', { hasText: /^web/ }).focus()
        await page.keyboard.press('Enter')
        await expect.poll(() => page.locator('#panel h3').textContent()).toBe('shop/web')
        const box = () => page.locator('#map').getAttribute('viewBox')
        await page.locator('#map').focus()
        const before = await box()
        await page.keyboard.press('+')
        const closer = await box()
        expect(closer).not.toBe(before)
        await page.keyboard.press('ArrowRight')
        expect(await box()).not.toBe(closer)
        await page.keyboard.press('0')
        expect(await box()).toBe(before)
        await page.keyboard.press('Escape')
        await expect.poll(() => page.locator('#panel h3').textContent()).toBe('Nothing selected')
      })
    })

    test('overviews open into what they stand for', async () => {
      await look(file, desktop, async ({ page }) => {
        await page.getByRole('button', { name: 'Zones', exact: true }).click()
        await keep(page, 'shop-zones-view')
        await page.locator('#view-zones [data-open=phi]').click()
        expect(await page.locator('#filter-zone').inputValue()).toBe('phi')
        await expect.poll(() => page.locator('#view-workloads').getAttribute('class')).toBe('view')
        await page.getByRole('button', { name: 'Namespaces', exact: true }).click()
        await keep(page, 'shop-namespaces-view')
      })
    })

    test('prints all of it', async () => {
      await look(file, desktop, async ({ page }) => {
        await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')))
        await page.emulateMedia({ media: 'print' })
        expect(await page.locator('.toolbar').isVisible()).toBe(false)
        expect(await page.locator('#policies pre').first().isVisible()).toBe(true)
        const pdf = await page.pdf({ format: 'A4' })
        expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
        if (shots !== undefined) writeFileSync(join(shots, 'shop.pdf'), pdf)
      })
    })

    test('every figure of the page is one of the document, at its place', async () => {
      const { page: document, shown } = await pageAndDocument()
      const tables = expectedTables(document)
      expect(shown.tables.map(({ caption }) => caption)).toEqual([...tables.keys()])
      for (const { caption, rows } of shown.tables) {
        const expected = tables.get(caption) ?? []
        const figures = rows.map((row, index) =>
          row.map((cell, column) =>
            expected[index]?.[column] === undefined && index < expected.length
              ? []
              : figuresIn(cell),
          ),
        )
        expect(figures, caption).toEqual(
          expected.map((row) => row.map((cell) => figuresIn(String(cell ?? '')))),
        )
      }
      const prose = expectedProse(document)
      for (const { id, text } of shown.prose) {
        expect([id, figuresIn(text)]).toEqual([id, figuresIn(prose.get(id) ?? '')])
      }
      expect(shown.tiles).toEqual(document.summary.map(({ name, value }) => `${name}: ${value}`))
    })

    async function pageAndDocument() {
      const io = createFakeIo()
      await main(['report', ...shopArguments, '-o', 'json'], io)
      let shown: Shown = { tables: [], prose: [], tiles: [] }
      await look(file, desktop, async ({ page }) => {
        shown = await page.evaluate(() => {
          const texts = (element: Element, selector: string): string[] =>
            [...element.querySelectorAll(selector)].map((one) => one.textContent ?? '')
          return {
            tables: [...document.querySelectorAll('main table')].map((table) => ({
              caption: table.querySelector('caption')?.textContent ?? '',
              rows: [...table.querySelectorAll('tbody tr')].map((row) => texts(row, 'td')),
            })),
            prose: [...document.querySelectorAll('main section:not(#map-section, #policies)')].map(
              (section) => ({
                id: section.id,
                text: [...section.querySelectorAll('p, li')]
                  .filter((one) => one.closest('table') === null)
                  .map((one) => one.textContent ?? '')
                  .join(' '),
              }),
            ),
            tiles: [...document.querySelectorAll('.tiles > div')].map((tile) =>
              texts(tile, 'dt, dd').join(': '),
            ),
          }
        })
      })
      return { page: JSON.parse(io.out) as Report, shown }
    }
  })

  describe('of a cluster with 500 workloads', () => {
    let file = ''
    beforeAll(async () => {
      const flows = join(work, 'large.jsonl')
      writeFileSync(flows, flowLines(largeCluster()))
      file = await report('large', [flows])
    })

    test('opens at the namespaces, and draws what is asked for', async () => {
      await look(file, desktop, async ({ page }) => {
        expect(await page.locator('#view-workloads [data-node]').count()).toBeGreaterThanOrEqual(
          500,
        )
        await expect
          .poll(() => page.locator('#view-workloads').getAttribute('class'))
          .toContain('off')
        await page.evaluate(() => document.getElementById('map-section')?.scrollIntoView())
        await keep(page, 'large-namespaces')
        await page.locator('#view-namespaces [data-open=team-03]').click()
        await expect.poll(() => page.locator('#lines [data-pair]').count()).toBeGreaterThan(20)
        await keep(page, 'large-team')
        await page.locator('#clear').click()
        await page.locator('#search').fill('team-07/service-107')
        await page.locator('#search').press('Enter')
        await expect.poll(() => page.locator('#panel h3').textContent()).toBe('team-07/service-107')
        const lines = await page.locator('#lines [data-pair]').count()
        expect(lines).toBeGreaterThan(0)
        await page.locator('#panel li button').first().click()
        await expect.poll(() => page.locator('#panel').textContent()).toContain('active in')
        await keep(page, 'large-line')
      })
    })

    test('is used at the speed of a hand', async () => {
      await look(file, desktop, async ({ page }) => {
        const took = await page.evaluate(() => {
          const search = document.querySelector<HTMLInputElement>('#search')!
          const start = performance.now()
          for (const text of ['s', 'se', 'service-1', 'service-12', '']) {
            search.value = text
            search.dispatchEvent(new Event('input'))
          }
          return performance.now() - start
        })
        // Five letters: what takes ten seconds is not used by anybody, on any machine.
        expect(took).toBeLessThan(10_000)
      })
    })
  })

  test('shows markup in names as text', async () => {
    const flows = join(work, 'hostile.jsonl')
    const labels = { app: 'web', note: hostile }
    writeFileSync(
      flows,
      flowLines([
        { from: { ns: 'shop', labels, pod: 'web-0' }, to: { ns: 'shop', app: 'api' }, port: 80 },
        {
          from: { ns: 'shop', app: 'api' },
          to: { world: '203.0.113.7' },
          port: 443,
          destinationNames: [hostile],
        },
        {
          from: { ns: 'shop', app: 'job', workload: { kind: 'Job', name: hostile } },
          to: { ns: 'shop', app: 'api' },
          port: 80,
        },
      ]),
    )
    const file = await report('hostile', [flows])
    await look(file, desktop, async ({ page }) => {
      const dialogs: string[] = []
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.message())
        void dialog.dismiss()
      })
      for (const node of await page.locator('#view-workloads [data-node]').all()) {
        await node.focus()
        await page.keyboard.press('Enter')
      }
      await page.locator('#search').fill('onerror')
      await page.locator('#search').press('Enter')
      expect(await page.locator('#panel').textContent()).toContain('<img src=x onerror=alert(1)>')
      expect(await page.locator('main img, body > script:not([type]) ~ script').count()).toBe(0)
      expect(dialogs).toEqual([])
    })
    expect(readFileSync(file, 'utf8')).not.toContain('<img')
  })

  test('a script that is not its own does not run', async () => {
    const page = readFileSync(await report('plain', [join(shop, 'flows.jsonl')]), 'utf8')
    const file = join(work, 'changed.html')
    writeFileSync(file, page.replace('</body>', '<script>document.title = "run"</script></body>'))
    const open = await openPage(browser, file, desktop)
    expect(await open.page.title()).not.toBe('run')
    expect(open.complaints.join()).toContain('Content Security Policy')
    await open.context.close()
  })
})

/** Five hundred workloads in twenty namespaces: each calls some of its own, few of others, and a name server. */
function largeCluster(): readonly FlowOptions[] {
  let state = 1
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 0x7fffffff
  }
  const teams = 20
  const workload = (id: number) => ({
    ns: `team-${String(id % teams).padStart(2, '0')}`,
    app: `service-${id}`,
  })
  const flows: FlowOptions[] = []
  for (let id = 0; id < 500; id += 1) {
    const dns = { ns: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, pod: 'coredns-0' }
    flows.push({ from: workload(id), to: dns, port: 53, protocol: 'UDP' })
    for (let call = 0; call < 4; call += 1) {
      const own = id + teams * Math.ceil(random() * 6)
      const to = random() < 0.75 ? own % 500 : Math.floor(random() * 500)
      if (to !== id) flows.push({ from: workload(id), to: workload(to), port: 8000 + (to % 7) })
    }
  }
  return flows
}

/** What stands on a page. */
interface Shown {
  readonly tables: readonly {
    readonly caption: string
    readonly rows: readonly (readonly string[])[]
  }[]
  readonly prose: readonly { readonly id: string; readonly text: string }[]
  readonly tiles: readonly string[]
}
