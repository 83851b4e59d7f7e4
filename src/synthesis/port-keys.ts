/** Ports of grants as texts, by which rules about the same ports are found, and back. */
import type { PolicyRequest, RulePort } from '../policy/plain-rule.ts'
import type { Grant } from './synthesis.ts'

/** Lists of ports by their keys. */
export type PortLists = Map<string, readonly RulePort[]>

/** Keys of ports, which may repeat. */
export interface KeyedPorts {
  readonly ports: string[]
  /** By port, where not every request passes. */
  requests?: Map<string, Set<string>>
}

/** Adds the port of a grant, with its request where it has one. */
export function addPort(known: KeyedPorts, port: string, { request }: Grant): void {
  if (request === undefined) {
    known.ports.push(port)
    return
  }
  known.requests ??= new Map()
  const texts = known.requests.get(port) ?? new Set()
  known.requests.set(port, texts.add(JSON.stringify(request)))
}

/** Makes keys of ports with requests: the requests stand behind a mark that no other key has. */
export function spellRequests({ ports, requests }: KeyedPorts): void {
  for (const [port, texts] of requests ?? []) {
    if (!ports.includes(port)) ports.push(`${port}#[${[...texts].sort().join()}]`)
  }
}

/** Texts of single ports, by protocol and number: they are few, and each is asked for by thousands of grants. */
const portKeys: Readonly<Record<Grant['protocol'], string[]>> = {
  TCP: [],
  UDP: [],
  SCTP: [],
  ICMPv4: [],
  ICMPv6: [],
}

/** Returns the key of a grant's port. */
export function portKey({ protocol, port, endPort }: Grant): string {
  if (endPort !== undefined) return `${protocol} ${port} ${endPort}`
  const keys = portKeys[protocol]
  const key = keys[port] ?? `${protocol} ${port} `
  keys[port] = key
  return key
}

/** Returns the ports that keys stand for; the same list for the same keys. */
export function portList(lists: PortLists, keys: readonly string[]): readonly RulePort[] {
  const key = keys.length === 1 ? (keys[0] ?? '') : keys.join()
  const known = lists.get(key)
  if (known !== undefined) return known
  const list = toPorts(keys)
  lists.set(key, list)
  return list
}

function toPorts(keys: readonly string[]): readonly RulePort[] {
  return keys.map((key) => {
    const mark = key.indexOf('#')
    if (mark >= 0) {
      const [only] = toPorts([key.slice(0, mark)])
      const requests: readonly PolicyRequest[] = JSON.parse(key.slice(mark + 1))
      return { ...only, requests }
    }
    const [protocol, port, endPort] = key.split(' ')
    if (protocol === 'ICMPv4' || protocol === 'ICMPv6') {
      const family = protocol === 'ICMPv4' ? 'IPv4' : 'IPv6'
      return { icmp: { family, type: Number(port) } }
    }
    const kind = protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP'
    const range = { protocol: kind, port: Number(port) } as const
    return endPort === undefined || endPort === '' ? range : { ...range, endPort: Number(endPort) }
  })
}
