/** Where the compiled scanner lies: beside the compiled code, since `npm run build` puts both there. */
import { readFileSync } from 'node:fs'
import type { ScannerModule } from '../flow/scanner.ts'
import { compileScanner } from '../flow/scanner.ts'

/**
 * Returns the scanner, or undefined where it was not built or this runtime cannot run it: everything is then read by the
 * plain decoder, which gives the same.
 */
export function loadScanner(): ScannerModule | undefined {
  try {
    return compileScanner(readFileSync(new URL('../flow/scan.wasm', import.meta.url)))
  } catch {
    return undefined
  }
}
