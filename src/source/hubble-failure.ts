/** What went wrong between a Hubble server and us, in words, and with the flag that helps. */
import type { ServiceError } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import type { ErrorCode } from '../errors.ts'
import { NetweirError } from '../errors.ts'
import type { HubbleAddress } from './hubble-address.ts'

/** How a call failed. */
export interface CallFailure {
  readonly code: number
  readonly details: string
}

/** What is said of a failure. */
interface Words {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}

/** Failures that come again however often one tries. */
const finalCodes: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
])

/** Parts of what Node.js and OpenSSL say, and what they mean. */
const tlsTexts: readonly {
  readonly pattern: RegExp
  readonly message: string
  readonly hint: string
}[] = [
  {
    pattern: /self[- ]signed certificate|unable to (?:verify|get)|UNABLE_TO_/,
    message: 'the certificate of the server is signed by nobody who is trusted',
    hint: '--tls-ca names the certificates that it is checked against: ca.crt of the secret hubble-relay-server-certs',
  },
  {
    pattern: /certificate has expired|CERT_HAS_EXPIRED/,
    message: 'the certificate of the server has expired',
    hint: 'renew it, or check the clock of this machine',
  },
  {
    pattern: /not yet valid/,
    message: 'the certificate of the server is not valid yet',
    hint: 'check the clock of this machine',
  },
  {
    pattern: /certificate required|handshake failure/,
    message: 'the server asks for a certificate of the client',
    hint: 'give one with --tls-cert and --tls-key: tls.crt and tls.key of the secret hubble-relay-client-certs',
  },
  {
    pattern:
      /alert (?:bad certificate|unknown ca|certificate unknown|certificate expired|access denied)|(?:bad|unknown|expired) certificate|unknown ca/,
    message: 'the server does not accept the certificate of this client',
    hint: '--tls-cert and --tls-key must be signed by the authority that the server trusts',
  },
  {
    pattern: /wrong version number|packet length too long|record layer failure/,
    message: 'the server does not speak TLS',
    hint: 'use hubble:// instead of hubbles://',
  },
  {
    pattern: /protocol version|unsupported protocol|no protocols available/,
    message: 'the server speaks no TLS 1.3',
    hint: 'Hubble servers do; is it one?',
  },
]

/** Tells whether a failure will not get better. */
export function isFinal(failure: CallFailure): boolean {
  return finalCodes.has(failure.code) || isTooLarge(failure) || tlsWords(failure) !== undefined
}

/** Returns what is thrown where nothing was read yet. */
export function hubbleError(address: HubbleAddress, failure: CallFailure): NetweirError {
  const { code, message, hint } = wordsOf(address, failure)
  return new NetweirError(code, message, {
    location: { file: address.name },
    ...(hint === undefined ? {} : { hint }),
    ...(failure.details === '' ? {} : { cause: new Error(bounded(failure.details)) }),
  })
}

/** Returns what a failure means, as the reason why reading stopped. */
export function failureText(address: HubbleAddress, failure: CallFailure): string {
  return wordsOf(address, failure).message
}

/** Returns how a call failed, from what grpc-js throws, which ends in a note that is mostly empty. */
export function failureOf(error: Partial<ServiceError>): CallFailure {
  const details = (error.details ?? error.message ?? '').replace(/\.? Resolution note: *$/, '')
  return { code: error.code ?? status.UNKNOWN, details }
}

function wordsOf(address: HubbleAddress, failure: CallFailure): Words {
  const tls = address.isTls ? tlsWords(failure) : undefined
  if (tls !== undefined) return { code: 'SOURCE_UNREADABLE', ...tls }
  const details = bounded(failure.details)
  switch (failure.code) {
    case status.UNAVAILABLE:
      return { code: 'SOURCE_LOST', ...unavailable(address, failure) }
    case status.DEADLINE_EXCEEDED:
      return {
        code: 'SOURCE_LOST',
        message: `the server at ${address.place} does not answer`,
        hint: address.isTls
          ? 'is it a Hubble server, and can it reach its nodes?'
          : 'is it a Hubble server? One that asks for TLS is named hubbles://',
      }
    case status.UNIMPLEMENTED:
      return {
        code: 'SOURCE_UNREADABLE',
        message: `the server at ${address.place} offers no Hubble flows`,
        hint: 'is Hubble enabled (hubble.enabled, hubble.relay.enabled), and is this its port?',
      }
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return {
        code: 'SOURCE_UNREADABLE',
        message: `the server at ${address.place} refuses this client: ${details}`,
        hint: 'give a certificate that it accepts with --tls-cert and --tls-key',
      }
    case status.INVALID_ARGUMENT:
      return {
        code: 'SOURCE_UNREADABLE',
        message: `the server at ${address.place} refuses the request: ${details}`,
        hint: 'check --server-filter, --since, --until and --last',
      }
    case status.RESOURCE_EXHAUSTED:
      return {
        code: isTooLarge(failure) ? 'SOURCE_UNREADABLE' : 'SOURCE_LOST',
        message: isTooLarge(failure)
          ? `the server at ${address.place} sent a message of more than 16 MiB`
          : `the server at ${address.place} is overloaded: ${details}`,
      }
    default:
      return {
        code: isFinal(failure) ? 'SOURCE_UNREADABLE' : 'SOURCE_LOST',
        message: `the server at ${address.place} failed: ${status[failure.code] ?? failure.code} ${details}`,
      }
  }
}

function unavailable(address: HubbleAddress, { details }: CallFailure): Omit<Words, 'code'> {
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(details)) {
    return {
      message: `no machine is called ${address.place}`,
      hint: 'check the name of the server',
    }
  }
  if (/ECONNREFUSED|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EACCES/.test(details)) {
    return {
      message: `no server answers at ${address.place}`,
      hint: address.target.startsWith('unix:')
        ? 'is it the socket of an agent, such as /var/run/cilium/hubble.sock, and may you read it?'
        : 'is the port-forward still running? kubectl -n kube-system port-forward svc/hubble-relay 4245:80',
    }
  }
  const hint = address.isTls
    ? 'if it happens again, the server may accept no certificate but those of its own authority: --tls-cert, --tls-key'
    : 'where the server asks for TLS, name it hubbles://'
  return {
    message: `the connection to ${address.place} was lost`,
    ...(address.target.startsWith('unix:') ? {} : { hint }),
  }
}

function tlsWords({ code, details }: CallFailure): Omit<Words, 'code'> | undefined {
  if (code !== status.UNAVAILABLE) return undefined
  const names =
    /does not match certificate's altnames: .*altnames: (.*)$|Cert does not contain a DNS name/.exec(
      details,
    )
  if (names !== null) return nameWords(names[1])
  const found = tlsTexts.find(({ pattern }) => pattern.test(details))
  return found === undefined ? undefined : { message: found.message, hint: found.hint }
}

/** The names of the certificate, so that one of them can be typed. */
function nameWords(list: string | undefined): Omit<Words, 'code'> {
  const names = bounded(list ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:') || name.startsWith('IP Address:'))
    .map((name) => name.slice(name.indexOf(':') + 1))
  const [first = 'NAME'] = names
  return {
    message: `the certificate of the server is for another name${names.length === 0 ? '' : `: ${names.join(', ')}`}`,
    hint: `--tls-server-name says which name it must have, here ${first.replace(/^\*\./, 'relay.')}`,
  }
}

function isTooLarge({ code, details }: CallFailure): boolean {
  return code === status.RESOURCE_EXHAUSTED && details.includes('larger than max')
}

/** What a server says is quoted, but not at any length. */
function bounded(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}...` : text
}
