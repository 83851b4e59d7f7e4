/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** A real browser for tests of the page: Debian's chromium, driven through playwright-core. */
import { existsSync } from 'node:fs'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { describe, test } from 'vitest'

const places = [
  process.env['NETWEIR_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

const executable = places.find((place) => place !== undefined && existsSync(place))

/**
 * Declares a suite that needs a browser. Where there is none the suite is one skipped test that says so, or a failure
 * where `NETWEIR_REQUIRE` is `all` or names `browser`.
 */
export function describeBrowser(name: string, suite: (executable: string) => void): void {
  if (executable !== undefined) {
    describe(name, () => suite(executable))
    return
  }
  const message = `${name}: no browser (install chromium, or set NETWEIR_CHROMIUM)`
  const required = (process.env['NETWEIR_REQUIRE'] ?? '').split(',')
  if (required.includes('all') || required.includes('browser')) {
    test(message, () => {
      throw new Error(message)
    })
  } else {
    test.skip(message, () => undefined)
  }
}

/** Starts the browser. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** A page that is open, with everything that it said or asked for. */
export interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: string[]
  /** Requests other than that for the file itself and for data that stand in it. */
  readonly requests: string[]
}

/** How a page is looked at. */
export interface View {
  readonly width: number
  readonly height: number
  readonly scheme?: 'light' | 'dark'
}

/** Opens a file, and waits until its script is done. */
export async function openPage(browser: Browser, file: string, view: View): Promise<OpenPage> {
  const { width, height, scheme = 'light' } = view
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme })
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const url = request.url()
    if (url !== `file://${file}` && !url.startsWith('data:')) requests.push(url)
  })
  await page.goto(`file://${file}`)
  await page.waitForSelector('html[data-ready=yes]')
  return { page, context, complaints, requests }
}
