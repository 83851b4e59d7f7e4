/** Recognition of files that hold something else than Hubble events, so that a mistake is named and not counted. */
import type { Location } from '../errors.ts'
import { NetweirError } from '../errors.ts'

interface ForeignText {
  readonly pattern: RegExp
  readonly name: string
  readonly hint: string
}

const jsonHint = 'record flows with "hubble observe -o jsonpb"'

const foreignTexts: readonly ForeignText[] = [
  {
    pattern:
      /(?:->|<-|<>).*(?:FORWARDED|DROPPED|AUDIT|REDIRECTED|TRACED|TRANSLATED|ERROR)|^\s*TIMESTAMP(?::\s|\s+(?:NODE\s+)?SOURCE\b)/,
    name: 'text output of the hubble command line',
    hint: jsonHint,
  },
  {
    pattern: /^(?:---|%YAML|apiVersion:|kind:|metadata:)/,
    name: 'YAML',
    hint: 'name manifests with --existing or --inventory; a source is a recording of flows',
  },
  {
    pattern: /^\s*<(?:!doctype|html|\?xml|[a-z]+[\s>])/i,
    name: 'HTML or XML',
    hint: `a download may have answered with a login or error page; ${jsonHint}`,
  },
  {
    pattern: /^"?[\w.@ -]+"?(?:,"?[\w.@ -]+"?){2,}\s*$/,
    name: 'CSV',
    hint: jsonHint,
  },
]

const utf16Hint = 'it looks like UTF-16; convert it to UTF-8'

/** How much of the start of a file is looked at for bytes that no text has. */
export const inspectedBytes = 512

/** How many lines may come before the first record, and be looked at. */
export const inspectedLines = 20

/**
 * Refuses a line of text that belongs to another kind of file.
 * @throws {NetweirError} `NOT_FLOWS`
 */
export function refuseForeignLine(text: string, location: Location | undefined): void {
  const foreign = foreignTexts.find(({ pattern }) => pattern.test(text))
  if (foreign === undefined) return
  throw new NetweirError('NOT_FLOWS', `${foreign.name}, expected Hubble flows as JSON`, {
    hint: foreign.hint,
    ...(location === undefined ? {} : { location }),
  })
}

/**
 * Refuses the first bytes of a file when they are no text.
 * @throws {NetweirError} `NOT_FLOWS`
 */
export function refuseBinary(bytes: Uint8Array, location: Location | undefined): void {
  if (!hasBinary(bytes)) return
  const isUtf16 = bytes.some((byte) => byte === 0xff || byte === 0xfe)
  throw new NetweirError('NOT_FLOWS', 'binary data, expected Hubble flows as JSON', {
    hint: isUtf16 ? utf16Hint : jsonHint,
    ...(location === undefined ? {} : { location }),
  })
}

/** Tells whether there are bytes that no text has. Every value of a topic is asked this. */
export function hasBinary(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (isBinary(bytes[at] ?? 0)) return true
  return false
}

/** Control characters except tab, line feed, form feed, carriage return and escape; and what UTF-8 never has. */
function isBinary(byte: number): boolean {
  if (byte >= 0x20) return byte >= 0xfe
  return byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27
}
