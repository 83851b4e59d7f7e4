/**
 * What a proxy's record says was asked for, as far as a policy could name it: method and shape of the path, or the name
 * that was looked up. Headers, query strings and whatever in a path may be a secret or a person's are never kept.
 */
import type { JsonObject } from './json.ts'
import { asObject, asText } from './json.ts'

/** One kind of request. */
export interface ProxiedRequest {
  readonly kind: 'http' | 'dns'
  /** For HTTP `GET /v1/orders/{number}`, with a final `?` where there was a query string; for DNS the name. */
  readonly text: string
}

/** Longest text of a request that is kept. */
const maxText = 512

/** Most parts of a path that is kept. */
const maxParts = 24

/** A word, with at most two digits behind it, or a version: what an interface calls its parts. */
const word =
  /^(?:\.?[A-Za-z]{1,24}(?:[-_.][A-Za-z]{1,24}){0,5}\d{0,2}|v\d{1,3}(?:(?:alpha|beta)\d{0,2})?)$/

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const dnsName = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/

/** What stands for a part of a path that is not kept. */
export const pathParts = {
  '{number}': '[0-9]+',
  '{uuid}': '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}',
  '{hex}': '[0-9a-fA-F]+',
  '{any}': '[^/?]+',
} as const

/** Returns what a proxy's record asked for; undefined where no policy could say it. */
export function requestOf(l7: JsonObject | undefined): ProxiedRequest | undefined {
  const http = asObject(l7?.['http'])
  if (http !== undefined) return httpRequest(asText(http['method']), asText(http['url']))
  const dns = asObject(l7?.['dns'])
  return dns === undefined ? undefined : dnsRequest(asText(dns['query']))
}

/** Tells whether a text is one that {@link requestOf} makes. */
export function isRequestText({ kind, text }: ProxiedRequest): boolean {
  if (kind === 'dns') return text.length <= 253 && dnsName.test(text)
  const [, path = ''] = /^[A-Z]{1,16} (\/.*?)\??$/.exec(text) ?? []
  if (path === '' || text.length > maxText) return false
  const parts = path.slice(1).split('/')
  return parts.length <= maxParts && parts.every((part) => part === partOf(part))
}

function httpRequest(method: string, url: string): ProxiedRequest | undefined {
  const [, path, query] = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?(\/[^?#]*)?(\?)?/i.exec(url) ?? []
  if (!/^[A-Z]{1,16}$/.test(method) || (path === undefined && !url.includes('://')))
    return undefined
  const parts = (path ?? '/').slice(1).split('/').map(partOf)
  const text = `${method} /${parts.join('/')}${query ?? ''}`
  return parts.length > maxParts || text.length > maxText ? undefined : { kind: 'http', text }
}

/** Returns a part of a path, or what stands for it. A part that stands for others stays itself. */
function partOf(part: string): string {
  if (part === '' || Object.hasOwn(pathParts, part) || (word.test(part) && !isShuffled(part)))
    return part
  if (/^\d+$/.test(part)) return '{number}'
  if (uuid.test(part)) return '{uuid}'
  return part.length >= 6 && /^[0-9a-f]+$/i.test(part) ? '{hex}' : '{any}'
}

/** Keys and hashes change case all the time, and have few vowels; names do neither. */
function isShuffled(part: string): boolean {
  return part.split(/[-_.]/).some((piece) => {
    const turns = piece.match(/[a-z][A-Z]/g)?.length ?? 0
    const vowels = piece.match(/[aeiouy]/gi)?.length ?? 0
    const isHex = piece.length >= 8 && /^[0-9a-f]+$/i.test(piece)
    return isHex || turns > 3 || (piece.length >= 12 && vowels * 6 < piece.length)
  })
}

function dnsRequest(query: string): ProxiedRequest | undefined {
  const text = query.replace(/\.$/, '').toLowerCase()
  return text.length <= 253 && dnsName.test(text) ? { kind: 'dns', text } : undefined
}
