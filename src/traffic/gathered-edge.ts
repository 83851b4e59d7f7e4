/** Edges while a set is resolved: each gathers the records that belong to it. */
import type { Outcome, Protocol } from '../flow/flow.ts'
import { holdsRefusal } from './cell-numbers.ts'
import type { Decision } from './edge-decision.ts'
import { undisputed } from './edge-decision.ts'
import type { ResolvedEnd } from './end-resolver.ts'
import type { CountedEvidence } from './tally.ts'
import { Tally } from './tally.ts'

/** One resolved edge with all its evidence. */
export interface ResolvedEdge {
  readonly from: ResolvedEnd
  readonly to: ResolvedEnd
  readonly protocol: Protocol
  /** 0 where the port is unknown. */
  readonly port: number
  /** All of its evidence. */
  readonly tally: Tally
  /** Whether a policy refused one of its records, or would have. */
  readonly isDisputed: boolean
  /** Addresses of an entity end, if any; either end may be one, the other is then a pod. */
  addresses: Set<string> | undefined
  /** The one outcome of all records where nothing else can be said: the direction, or the server's port, is unknown. */
  readonly fixed: Outcome | undefined
  /** What became of the edge, once all of its evidence was there. */
  decision: Decision
}

/** How a pending record joins an edge: as it stands, or with client and server turned round. */
export type Way = 'kept' | 'turned'

interface Gathered {
  readonly evidence: CountedEvidence
  readonly way: Way
  readonly before: Gathered | undefined
}

/** An edge that gathers records, and joins them when somebody asks for more than the ledger does. */
export class GatheredEdge implements ResolvedEdge {
  readonly from: ResolvedEnd
  readonly to: ResolvedEnd
  readonly protocol: Protocol
  readonly port: number
  readonly fixed: Outcome | undefined
  addresses: Set<string> | undefined
  decision: Decision = undisputed
  isDisputed = false
  #tally: Tally | undefined
  /** What is not joined yet. */
  #gathered: Gathered | undefined

  constructor(
    from: ResolvedEnd,
    to: ResolvedEnd,
    protocol: Protocol,
    port: number,
    fixed: Outcome | undefined,
  ) {
    this.from = from
    this.to = to
    this.protocol = protocol
    this.port = port
    this.fixed = fixed
  }

  gather(evidence: CountedEvidence, way: Way): void {
    this.isDisputed ||= holdsRefusal(evidence.cells)
    this.#gathered = { evidence, way, before: this.#gathered }
  }

  get tally(): Tally {
    this.#tally ??= new Tally()
    for (let one = this.#gathered; one !== undefined; one = one.before) {
      if (one.way === 'turned') this.#tally.absorbTurned(one.evidence)
      else this.#tally.absorbCounts(one.evidence)
    }
    this.#gathered = undefined
    return this.#tally
  }
}
