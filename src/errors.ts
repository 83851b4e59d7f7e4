/** Every way netweir can fail, as a closed list. `docs/errors.md` has one section per code. */
export const errorCodes = [
  'USAGE',
  'SOURCE_NOT_FOUND',
  'SOURCE_UNREADABLE',
  'SOURCE_CORRUPT',
  'SOURCE_LOST',
  'ACCESS_DENIED',
  'KUBECONFIG_INVALID',
  'NOT_FLOWS',
  'FLOW_MALFORMED',
  'SET_INVALID',
  'CLUSTERS_MIXED',
  'NO_TRAFFIC',
  'MANIFEST_SYNTAX',
  'MANIFEST_INVALID',
  'KIND_UNSUPPORTED',
  'INSEPARABLE',
  'INEXPRESSIBLE',
  'OUTPUT_FAILED',
  'INTERRUPTED',
  'GATE_FAILED',
  'INTERNAL',
] as const

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number]

/** Process exit codes: 2 will not get better by a retry, 3 may, 70 is a defect of netweir, 130 an interruption. */
export type FailureExitCode = 2 | 3 | 70 | 130

const exitCodes = {
  USAGE: 2,
  SOURCE_NOT_FOUND: 2,
  SOURCE_UNREADABLE: 2,
  SOURCE_CORRUPT: 2,
  SOURCE_LOST: 3,
  ACCESS_DENIED: 2,
  KUBECONFIG_INVALID: 2,
  NOT_FLOWS: 2,
  FLOW_MALFORMED: 2,
  SET_INVALID: 2,
  CLUSTERS_MIXED: 2,
  NO_TRAFFIC: 2,
  MANIFEST_SYNTAX: 2,
  MANIFEST_INVALID: 2,
  KIND_UNSUPPORTED: 2,
  INSEPARABLE: 2,
  INEXPRESSIBLE: 2,
  OUTPUT_FAILED: 2,
  INTERRUPTED: 130,
  GATE_FAILED: 70,
  INTERNAL: 70,
} as const satisfies Record<ErrorCode, FailureExitCode>

/** Where in the input something was found. Lines, columns and documents of a YAML stream count from 1. */
export interface Location {
  /** The path as the user named it, or `-` for standard input. */
  readonly file: string
  readonly line?: number
  readonly column?: number
  readonly document?: number
  /** Of a message: its number in a live stream, counted from 0, or its offset in a partition. */
  readonly offset?: number
}

/** What may accompany an error: its place, what to do about it, what caused it, and further problems found with it. */
export interface ErrorDetails {
  readonly location?: Location
  readonly hint?: string
  readonly cause?: unknown
  /** All problems of one input, when there is more than the one that the message names. */
  readonly problems?: readonly Problem[]
}

/** One problem of an input that has several: collected, and reported together. */
export interface Problem {
  readonly message: string
  readonly location: Location
}

/** The one error class of netweir. Anything else that is thrown is a defect and ends with exit code 70. */
export class NetweirError extends Error {
  override readonly name = 'NetweirError'
  readonly code: ErrorCode
  readonly location: Location | undefined
  readonly hint: string | undefined
  readonly problems: readonly Problem[]

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.location = details.location
    this.hint = details.hint
    this.problems = details.problems ?? []
  }

  /** Returns `reason` itself when it is a {@link NetweirError}, else one of `code` that keeps it as its cause. */
  static from(reason: unknown, code: ErrorCode, details: ErrorDetails = {}): NetweirError {
    if (reason instanceof NetweirError) return reason
    const message = reason instanceof Error ? reason.message : String(reason)
    return new NetweirError(code, message, { cause: reason, ...details })
  }
}

/** Returns the process exit code that belongs to a failure. */
export function exitCodeOf(code: ErrorCode): FailureExitCode {
  return exitCodes[code]
}
