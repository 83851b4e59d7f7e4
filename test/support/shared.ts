/** Where the conformance data lies, and how a test says that it needs it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

const defaultDir = fileURLToPath(new URL('../../../shared', import.meta.url))

/** The folder of the conformance data, or undefined where it is absent. */
export const sharedDir: string | undefined = presentDir(process.env['NETWEIR_SHARED'] ?? defaultDir)

/**
 * Declares a suite that needs the conformance data. Where it is absent the suite is one skipped test that says so, or
 * a failure where `NETWEIR_REQUIRE` is `all` or names `corpora`.
 */
export function describeShared(name: string, suite: (dir: string) => void): void {
  const dir = sharedDir
  if (dir !== undefined) {
    describe(name, () => suite(dir))
    return
  }
  const message = `${name}: no conformance data (set NETWEIR_SHARED, or put it into ../shared)`
  const required = (process.env['NETWEIR_REQUIRE'] ?? '').split(',')
  if (required.includes('all') || required.includes('corpora')) {
    test(message, () => {
      throw new Error(message)
    })
  } else {
    test.skip(message, () => undefined)
  }
}

function presentDir(dir: string): string | undefined {
  return existsSync(join(dir, 'reference', 'hubble-cases.jsonl')) ? dir : undefined
}
