/** Requests that proxies saw on an edge, bounded, with what is needed to tell whether they saw all of them. */
import type { Side } from '../flow/flow.ts'
import type { ProxiedRequest } from '../flow/requests.ts'
import { addCounts } from './counts.ts'
import { keepSmallest } from './text-key.ts'

/** How many kinds of requests are kept of an edge: the smallest texts. */
export const requestLimits = { http: 64, dns: 256 } as const

/** Kinds of requests, which policies can tell apart. */
export const requestKinds = ['http', 'dns'] as const

/** What is kept of the requests of one edge, where that was asked for. */
export interface RequestRecord {
  /** Requests that were read, by the side on which the proxy stood: the client's egress, the server's ingress. */
  readonly read: readonly [egress: number, ingress: number]
  /** Connections that a policy verdict sent to a proxy, by side. */
  readonly redirected: readonly [egress: number, ingress: number]
  /** Sorted; at most {@link requestLimits}. */
  readonly http?: readonly string[]
  readonly dns?: readonly string[]
  /** True when there were more than are kept. */
  readonly more?: true
}

/** Returns what one record says: of a request that passed, or of a connection that was sent to a proxy. */
export function recordOfRequest(
  side: Side,
  request: ProxiedRequest | undefined,
): RequestRecord | undefined {
  if (side === 'none') return undefined
  const once = [side === 'egress' ? 1 : 0, side === 'ingress' ? 1 : 0] as const
  if (request === undefined) return { read: [0, 0], redirected: once }
  return { read: once, redirected: [0, 0], [request.kind]: [request.text] }
}

/** Returns what two records say together. */
export function joinRequests(a: RequestRecord, b: RequestRecord): RequestRecord {
  let more = a.more === true || b.more === true
  const lists = requestKinds.flatMap((kind) => {
    const texts = [...(a[kind] ?? [])]
    const fresh = (b[kind] ?? []).filter((text) => !texts.includes(text))
    if (texts.length + fresh.length > requestLimits[kind]) more = true
    for (const text of fresh) keepSmallest(texts, text, requestLimits[kind])
    return texts.length === 0 ? [] : [[kind, texts] as const]
  })
  return {
    read: joinCounts(a.read, b.read),
    redirected: joinCounts(a.redirected, b.redirected),
    ...Object.fromEntries(lists),
    ...(more && { more }),
  }
}

type Counts = readonly [egress: number, ingress: number]

function joinCounts(a: Counts, b: Counts): Counts {
  return [addCounts(a[0], b[0]), addCounts(a[1], b[1])]
}
