/** Answers why a connection is allowed or denied, and what stands behind the rules of a policy. */
import { NetweirError } from '../errors.ts'
import { parseAddress, parsePrefix, prefixHolds } from '../ip.ts'
import type { LocatedPolicy, PolicyEndpoint, PolicyService } from '../policy/network-policy.ts'
import { createEndTexts } from '../traffic/edge-ends.ts'
import type { Inventory } from '../traffic/inventory.ts'
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import type { EndQuery, FoundEnd } from './end-query.ts'
import { findEnds } from './end-query.ts'
import type { Answer, Explanation, PathSide, Question } from './explanation.ts'
import { seenEdge } from './flow-evidence.ts'
import { nearMisses } from './near-misses.ts'
import type { PolicyBook, TracedSide } from './policy-book.ts'
import { createPolicyBook, ruleReferences } from './policy-book.ts'
import { splitKinds } from './policy-kinds.ts'
import { isFromOwnNode, replayEdges, serviceOf } from './replay.ts'
import { usageOf } from './rule-usage.ts'
import type { Surroundings } from './universe.ts'
import { createUniverse, evaluateOptions } from './universe.ts'
import { knownPods } from './verify.ts'

/** Pairs of ends that are answered. */
const maxAnswers = 100

/** Edges that are spelled out for one answer, or for one grant of a rule. */
const maxSeen = 1000

/** What is known: policies, and what was seen of the cluster. */
export interface ExplainInput extends Surroundings {
  readonly policies: readonly LocatedPolicy[]
  readonly inventory?: Inventory
}

/** What is asked about a connection. */
export interface ConnectionQuestion {
  readonly from: EndQuery
  readonly to: EndQuery
  readonly protocol: Edge['protocol']
  /** For ICMP the type. */
  readonly port: number
  /** The ends as they were typed. */
  readonly words: Pick<Question, 'from' | 'to'>
}

/**
 * Returns whether the policies allow a connection, for every pair of ends that the question means, with the path of each
 * direction and the recorded edges that show it.
 *
 * @throws NetweirError `USAGE` for an end that is not known.
 */
export function explainConnection(input: ExplainInput, question: ConnectionQuestion): Explanation {
  const { traffic, inventory } = input
  const { judged, others } = splitKinds(input.policies)
  const book = createPolicyBook(judged, evaluateOptions(input))
  const directory = {
    traffic,
    pods: knownPods(createUniverse([], input), traffic),
    ...(inventory === undefined ? {} : { inventory }),
  }
  const froms = findEnds(question.from, directory)
  const tos = findEnds(question.to, directory)
  const pairs = froms.flatMap((from) => tos.map((to) => ({ from, to })))
  const answers = pairs
    .slice(0, maxAnswers)
    .map(({ from, to }) => answer(book, traffic, from, to, question))
  const { words, port, protocol } = question
  return {
    apiVersion: 'netweir/v1',
    kind: 'Explanation',
    allowed: answers.every((one) => one.allowed),
    question: { from: words.from, to: words.to, port: `${port}/${protocol}` },
    answers,
    leftOut: pairs.length - answers.length,
    policies: [],
    notEvaluated: [...new Set(others)].sort(),
  }
}

/**
 * Returns the evidence behind every rule of the policies of a name: which edges use each grant, and which grants none
 * uses.
 *
 * @throws NetweirError `USAGE` for a name that no policy has, `KIND_UNSUPPORTED` for a policy that is not evaluated.
 */
export function explainPolicy(input: ExplainInput, name: string): Explanation {
  const { traffic } = input
  const { judged, others } = splitKinds(input.policies)
  const book = createPolicyBook(judged, evaluateOptions(input))
  const entries = book.entries.filter((entry) => entry.reference.policy === name)
  if (entries.length === 0) throw unknownPolicy(name, book, others)
  const universe = createUniverse(
    judged.map((located) => located.policy),
    input,
  )
  const replayed = replayEdges(traffic, book, knownPods(universe, traffic))
  return {
    apiVersion: 'netweir/v1',
    kind: 'Explanation',
    allowed: true,
    answers: [],
    leftOut: 0,
    policies: usageOf(
      { book, universe, replayed, endText: createEndTexts(traffic), maxSeen },
      entries,
    ),
    notEvaluated: [...new Set(others)].sort(),
  }
}

function answer(
  book: PolicyBook,
  traffic: Traffic,
  from: FoundEnd,
  to: FoundEnd,
  { protocol, port }: ConnectionQuestion,
): Answer {
  // Two pods of one class are two pods: an object of its own keeps the evaluator from seeing one.
  const target = from.endpoint === to.endpoint ? { ...to.endpoint } : to.endpoint
  const service = serviceOf({ protocol, port })
  const [out, into] = book.decide(from.endpoint, target, service)
  const path = (side: TracedSide): PathSide =>
    pathSide(book, side, { from: from.endpoint, to: target, service })
  const egress = path(out)
  const ingress = path(into)
  const endText = createEndTexts(traffic)
  return {
    from: from.text,
    to: to.text,
    port: `${port}/${protocol}`,
    allowed: egress.allowed && ingress.allowed,
    egress,
    ingress,
    evidence: traffic.edges
      .filter(
        (edge) =>
          edge.port === port &&
          edge.protocol === protocol &&
          meets(from, edge.from) &&
          meets(to, edge.to),
      )
      .slice(0, maxSeen)
      .map((edge) => seenEdge(edge, endText)),
  }
}

/** An address is seen in an edge of its own, and in one of a prefix that was folded around it. */
function meets(found: FoundEnd, end: EdgeEnd): boolean {
  if (found.is(end)) return true
  if (found.endpoint.kind !== 'address' || end.kind !== 'address') return false
  const address = parseAddress(found.endpoint.address)
  const prefix = parsePrefix(end.address)
  return address !== undefined && prefix !== undefined && prefixHolds(prefix, address)
}

function pathSide(
  book: PolicyBook,
  side: TracedSide,
  connection: {
    readonly from: PolicyEndpoint
    readonly to: PolicyEndpoint
    readonly service: PolicyService
  },
): PathSide {
  const { direction } = side
  const subject = direction === 'egress' ? connection.from : connection.to
  const isFree = direction === 'ingress' && isFromOwnNode(connection.from)
  const allowed = side.allowed || isFree
  return {
    direction,
    allowed,
    reason: reasonOf(side, subject, isFree),
    isolatedBy: side.isolatedBy.flatMap((id) => book.entries[id]?.reference ?? []),
    allowedBy: ruleReferences(book, direction, side.allowedBy),
    ...(side.deniedBy.length > 0 && { deniedBy: ruleReferences(book, direction, side.deniedBy) }),
    closest:
      allowed || side.deniedBy.length > 0 ? [] : nearMisses(book, { direction, ...connection }),
  }
}

function reasonOf(side: TracedSide, subject: PolicyEndpoint, isFree: boolean): PathSide['reason'] {
  if (subject.kind !== 'pod') return 'no-pod'
  if (side.allowed) return side.isolatedBy.length === 0 ? 'open' : 'rule'
  return isFree ? 'node' : 'denied'
}

function unknownPolicy(name: string, book: PolicyBook, others: readonly string[]): NetweirError {
  const other = others.find((text) => text.endsWith(` ${name}`))
  if (other !== undefined) {
    return new NetweirError('KIND_UNSUPPORTED', `"${other}" cannot be evaluated`, {
      hint: 'it depends on more than pods and addresses: services, nodes or groups of a cloud',
    })
  }
  const names = [...new Set(book.entries.map((entry) => entry.reference.policy))]
  const shown = names.slice(0, 8).join(', ')
  return new NetweirError('USAGE', `no policy "${name}" was read`, {
    hint:
      names.length === 0
        ? 'name the file or directory that holds it with --policies'
        : `there are: ${shown}${names.length > 8 ? ', ...' : ''}`,
  })
}
