/** Names of Hubble servers: which address and which transport each means. */
import { NetweirError } from '../errors.ts'

/** Where a server is reached. */
export interface HubbleAddress {
  /** As the user named it. */
  readonly name: string
  /** As gRPC takes it: `host:port`, or `unix:path`. */
  readonly target: string
  /** For messages: `host:port`, or the path of the socket. */
  readonly place: string
  readonly isTls: boolean
}

/** Where Relay's pods, and port-forwards to them, listen (`hubble.md` 4). */
const defaultPort = 4245

const hostPattern =
  /^(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9](?:[-A-Za-z0-9._]*[A-Za-z0-9])?))(?::(\d{1,5}))?\/?$/

/**
 * Returns what `hubble://host[:port]`, `hubbles://host[:port]` (TLS) or `unix:path` names.
 * @throws {NetweirError} `USAGE` for anything else.
 */
export function parseHubbleAddress(name: string): HubbleAddress {
  const socket = /^unix:(?:\/\/)?(\/?[^/].*)$/.exec(name)?.[1]
  if (socket !== undefined) {
    return { name, target: `unix:${socket}`, place: socket, isTls: false }
  }
  const [, scheme, rest = ''] = /^(hubbles?):\/\/(.*)$/.exec(name) ?? []
  const match = hostPattern.exec(rest)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? defaultPort)
  if (scheme === undefined || host === undefined || port < 1 || port > 65_535) {
    throw new NetweirError('USAGE', `"${name}" names no Hubble server`, {
      hint: 'expected hubble://HOST[:PORT], hubbles://HOST[:PORT] for TLS, or unix:PATH of a socket; an IPv6 address stands in [ ]',
    })
  }
  const place = `${match?.[1] === undefined ? host : `[${host}]`}:${port}`
  return { name, target: place, place, isTls: scheme === 'hubbles' }
}
