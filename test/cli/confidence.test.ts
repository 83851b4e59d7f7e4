import { describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createFakeIo } from '../support/fake-io.ts'

const shop = ['samples/shop/flows.jsonl', '--inventory', 'samples/shop/inventory.yaml']

async function netweir(...argv: readonly string[]) {
  const io = createFakeIo()
  const code = await main(argv, io)
  return { code, out: io.out, err: io.err }
}

const denies = (yaml: string): number => yaml.split('name: default-deny\n').length - 1

describe('--min-confidence', () => {
  test('holds back the default deny of namespaces that were watched for less, and says so', async () => {
    const plain = await netweir('generate', ...shop)
    const ready = await netweir('generate', ...shop, '--min-confidence', 'ready')
    expect(denies(plain.out)).toBeGreaterThan(denies(ready.out))
    expect(denies(ready.out)).toBe(0)
    expect(ready.err).toContain('not watched for as long as --min-confidence asks: ')
    expect(ready.err).toMatch(
      /DEFAULT_DENY_HELD namespace payments: .*\(insufficient\); about 14 more days/,
    )
    expect(plain.err).not.toContain('--min-confidence')
    const workloads = (yaml: string) => yaml.split('---\n').filter((text) => denies(text) === 0)
    expect(workloads(ready.out).length).toBe(workloads(plain.out).length)
  })

  test.each([
    [['--min-confidence', 'sure'], 'must be one of insufficient, watching, ready'],
    [['--min-confidence', 'ready', '--default-deny', 'always'], 'contradict each other'],
  ])('%j is refused', async (flags, message) => {
    const { code, err, out } = await netweir('generate', ...shop, ...flags)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })
})

test('the summary of generate says how long was watched', async () => {
  const { err } = await netweir('generate', ...shop)
  expect(err).toMatch(/^confidence: \d+ groups insufficient; 0 complete days watched$/m)
})

test('the document of the diff of generate has what the summary says', async () => {
  const { code, err } = await netweir('generate', ...shop, '--diff-output', 'json')
  expect(code).toBe(0)
  const start = err.indexOf('{\n')
  const { kind, confidence } = JSON.parse(err.slice(start, err.indexOf('\n}\n', start) + 2))
  expect(kind).toBe('PolicyDiff')
  expect(confidence.groups.length).toBe(confidence.verdicts.insufficient)
  expect(err).toContain(`confidence: ${confidence.groups.length} groups insufficient`)
})
