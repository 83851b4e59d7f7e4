/** DNS names that records carry: which address was looked up under which name (`hubble.md` 7.5). */
import { canonicalAddress } from '../ip.ts'
import type { NamedAddress } from './flow.ts'
import type { JsonObject } from './json.ts'
import { asArray, asInteger, asObject, asText } from './json.ts'

/** How many names one record can add. */
const maxNames = 256

const dnsName = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

/** Returns the names of a list for one address, canonical; names that DNS does not allow are left out. */
export function namesOf(list: unknown, address: string): readonly NamedAddress[] {
  if (address === '') return []
  return asArray(list)
    .slice(0, maxNames)
    .flatMap((text) => {
      const name = canonicalName(text)
      return name === undefined ? [] : [{ address, name }]
    })
}

/** Returns what a DNS answer says: the name that was asked for, and its canonical names, at each address. */
export function answerNames(dns: JsonObject | undefined): readonly NamedAddress[] {
  if (dns === undefined || (asInteger(dns['rcode']) ?? 0) !== 0) return []
  const names = [dns['query'], ...asArray(dns['cnames'])]
  const found = asArray(dns['ips'])
    .slice(0, maxNames)
    .flatMap((ip) => {
      const address = canonicalAddress(asText(ip))
      return address === undefined ? [] : namesOf(names, address)
    })
  return found.slice(0, maxNames)
}

/** Returns the DNS part of a proxy's record when it is an answer. */
export function dnsAnswer(l7: JsonObject | undefined, kind: string): JsonObject | undefined {
  return kind === 'RESPONSE' ? asObject(l7?.['dns']) : undefined
}

function canonicalName(value: unknown): string | undefined {
  const text = asText(value)
  if (text.length > 254) return undefined
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase()
  return name.length <= 253 && dnsName.test(name) ? name : undefined
}
