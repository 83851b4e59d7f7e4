/** The same bytes, read with the scanner and without. */
import { readFileSync } from 'node:fs'
import type { ScannerModule } from '../../src/flow/scanner.ts'
import { built } from './built.ts'

type ReaderModule = typeof import('../../src/traffic/reader.ts')
type SetModule = typeof import('../../src/traffic/set-document.ts')
type FlowScanner = typeof import('../../src/flow/scanner.ts')
type Options = import('../../src/traffic/reader.ts').ReaderOptions

/** What came of reading. */
export interface ReadResult {
  /** The set as bytes, or what was thrown. */
  readonly text: string
  readonly notices: string
  readonly records: number
  readonly scanned: { readonly records: number; readonly handedBack: number }
}

/** Readers of one build, and the scanner that was built. */
export interface Scanning {
  readonly module: ScannerModule
  read(bytes: Uint8Array, options?: Options, step?: number): ReadResult
  readonly createReader: ReaderModule['createReader']
  readonly encodeSet: SetModule['encodeSet']
}

/** Returns what was built, so that what is tested is what is shipped. */
export async function builtScanning(): Promise<Scanning> {
  const { createReader } = (await import(built('traffic/reader.js'))) as ReaderModule
  const { encodeSet } = (await import(built('traffic/set-document.js'))) as SetModule
  const { compileScanner } = (await import(built('flow/scanner.js'))) as FlowScanner
  return scanningWith(createReader, encodeSet, compileScanner)
}

/** Returns the sources, with the scanner that was built. */
export async function sourceScanning(): Promise<Scanning> {
  const { createReader } = await import('../../src/traffic/reader.ts')
  const { encodeSet } = await import('../../src/traffic/set-document.ts')
  const { compileScanner } = await import('../../src/flow/scanner.ts')
  return scanningWith(createReader, encodeSet, compileScanner)
}

function scanningWith(
  createReader: ReaderModule['createReader'],
  encodeSet: SetModule['encodeSet'],
  compileScanner: FlowScanner['compileScanner'],
): Scanning {
  const read = (bytes: Uint8Array, options: Options = {}, step = 100_000): ReadResult => {
    const reader = createReader(options)
    let text: string
    try {
      for (let offset = 0; offset < bytes.length; offset += step) {
        reader.consume(bytes.subarray(offset, offset + step), { source: 'a', offset })
      }
      text = encodeSet(reader.finish())
    } catch (reason) {
      const { code, message, location } = reason as { code?: string } & Error & {
          location?: unknown
        }
      text = JSON.stringify([code, message, location])
    }
    const { records, scanned, notices } = reader
    return { text, notices: JSON.stringify(notices), records, scanned }
  }
  return {
    module: compileScanner(readFileSync(built('flow/scan.wasm'))),
    read,
    createReader,
    encodeSet,
  }
}
