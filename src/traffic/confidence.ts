/** Whether a cluster was watched for long enough: bounds for each group and direction, and what was never seen. */
import type {
  ActiveEdge,
  GroupEdges,
  OpenPorts,
  WatchedDays,
  WatchedGroup,
} from './active-edges.ts'
import { edgesByGroup, eventsBefore, eventsOf, watchedDays } from './active-edges.ts'
import { blockMs } from './communication-set.ts'
import type { Inventory } from './inventory.ts'
import { formatTime } from './timestamp.ts'
import type { Traffic, TrafficClass, TrafficPod } from './traffic.ts'
import {
  binomialUpper,
  blocksUntil,
  newInNextBlock,
  unseenEstimate,
  unseenMargin,
  unseenUpper,
} from './unseen-bound.ts'

/** Verdicts, from worst to best. */
export const verdicts = ['insufficient', 'watching', 'ready'] as const

/** One of {@link verdicts}: `watching` means that more days are needed. */
export type Verdict = (typeof verdicts)[number]

/** What a group must meet to be `ready`. */
export const confidenceTargets = {
  /** Upper bound of the chance that the next connection is a new one. */
  nextConnection: 0.005,
  /** Upper bound of the chance that tomorrow shows a new edge. */
  newEdgeTomorrow: 0.2,
  /** Events below which nothing is concluded. */
  events: 30,
  days: 7,
  rollouts: 1,
} as const

/** Why a group is not `ready`, as a closed list. */
export const confidenceGaps = ['events', 'next-connection', 'new-edge', 'days', 'start'] as const

/** One of {@link confidenceGaps}. */
export type ConfidenceGap = (typeof confidenceGaps)[number]

/** What was seen of one direction of a group. Chances are from 0 to 1, rounded to six digits. */
export interface DirectionConfidence {
  /** Distinct edges, and how often they were active: in blocks of five minutes, of which two adjacent ones count once. */
  readonly edges: number
  readonly events: number
  /** Edges with one event, and with two. */
  readonly once: number
  readonly twice: number
  /** Chance that the next connection is of an edge that was not seen: estimate, upper bound, and the bound if all that was lost was new. */
  readonly nextConnection: Chance & { readonly upperWithLosses: number }
  /** The same by learning on the first two thirds of the events and counting what is new in the rest. */
  readonly holdOut: { readonly events: number; readonly unseen: number; readonly upper: number }
  /** Edges that were active on one day only. */
  readonly singleDayEdges: number
  /** Chance that one more day shows an edge that was not seen. */
  readonly newEdgeTomorrow: Chance
  /** When an edge was last seen for the first time, RFC 3339; absent without events. */
  readonly lastNewEdge?: string
}

/** An estimate, and its one-sided bound of nominal 95 %. */
export interface Chance {
  readonly estimate: number
  readonly upper: number
}

/** One group. */
export interface GroupConfidence {
  readonly group: string
  readonly namespace: string
  readonly verdict: Verdict
  /** Days of watching that are still needed, if nothing new shows; 0 where days alone do not help. */
  readonly moreDays: number
  readonly gaps: readonly ConfidenceGap[]
  /** Rollouts that were seen, and runs of a CronJob after the first; absent where pods do not show it. */
  readonly starts?: number
  readonly ingress: DirectionConfidence
  readonly egress: DirectionConfidence
}

/** What statistics cannot see: names, sorted. */
export interface Unseen {
  /** CronJobs of the inventory without a run, with their schedule where it is known. */
  readonly cronJobs: readonly string[]
  /** Running pods of the inventory without traffic, as `namespace/pod`. */
  readonly pods: readonly string[]
  /** Controllers of the inventory without traffic, as `namespace/name (kind)`. */
  readonly workloads: readonly string[]
  /** Groups of which no rollout and no second run was seen, or could have been. */
  readonly rollouts: readonly string[]
}

/** The part of documents that says how far they can be trusted. */
export interface Confidence {
  /** Nominal level of the bounds. */
  readonly level: 0.95
  readonly targets: typeof confidenceTargets
  /** Hours of the window that had traffic, in whole days; and the whole window in days. */
  readonly days: number
  readonly windowDays: number
  /** Part of the events that the producers lost. */
  readonly lost: number
  /** Number of groups by verdict. */
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly groups: readonly GroupConfidence[]
  readonly unseen: Unseen
}

/** What is judged. */
export interface ConfidenceInput {
  readonly traffic: Traffic
  /** All groups: they are the peers. */
  readonly groups: readonly WatchedGroup[]
  /** Names of the groups that are judged. Default: all with traffic. */
  readonly judged?: ReadonlySet<string>
  /** Default: every address outside is a peer of its own. */
  readonly isOpen?: OpenPorts
  readonly inventory?: Inventory
}

/** Returns how long each group was watched, and how likely something new is. It depends on the traffic as a whole and on no order. */
export function confidenceOf(input: ConfidenceInput): Confidence {
  const { traffic, groups, judged, inventory, isOpen } = input
  const watch = { ...watchedDays(traffic), lost: lostPart(traffic) }
  const byGroup = edgesByGroup(traffic, groups, isOpen)
  const judgedGroups = groups.flatMap((group, id): readonly GroupConfidence[] => {
    const classes = group.classes.flatMap((known) => traffic.classes[known] ?? [])
    if (!classes.some((known) => known.observed)) return []
    if (judged !== undefined && !judged.has(group.name)) return []
    const edges = byGroup[id] ?? { ingress: [], egress: [] }
    return [judge(group, classes, edges, watch)]
  })
  const count = (verdict: Verdict): number =>
    judgedGroups.filter((group) => group.verdict === verdict).length
  return {
    level: 0.95,
    targets: confidenceTargets,
    days: watch.days,
    windowDays: rounded(watch.windowDays),
    lost: rounded(watch.lost),
    verdicts: {
      insufficient: count('insufficient'),
      watching: count('watching'),
      ready: count('ready'),
    },
    groups: judgedGroups,
    unseen: {
      ...unseenOf(traffic, inventory),
      rollouts: judgedGroups
        .filter(({ starts = 0 }) => starts < confidenceTargets.rollouts)
        .map(({ group }) => group),
    },
  }
}

/** Returns whether a verdict is at least as good as another. */
export function isAtLeast(verdict: Verdict, least: Verdict): boolean {
  return verdicts.indexOf(verdict) >= verdicts.indexOf(least)
}

interface Watch extends WatchedDays {
  readonly lost: number
}

function judge(
  group: WatchedGroup,
  classes: readonly TrafficClass[],
  edges: GroupEdges,
  watch: Watch,
): GroupConfidence {
  const ingress = directionOf(edges.ingress, watch)
  const egress = directionOf(edges.egress, watch)
  const starts = startsOf(classes)
  const directions = [ingress, egress]
  const needs = [...directions.map((direction) => needsOf(direction, watch)), lengthNeed(watch)]
  const isStarted = starts === undefined || starts >= confidenceTargets.rollouts
  const gaps = confidenceGaps.filter((gap) =>
    gap === 'start' ? !isStarted : needs.some((need) => need.gaps.includes(gap)),
  )
  const isSilent = directions.every(({ events }) => events === 0)
  return {
    group: group.name,
    namespace: group.namespace,
    verdict:
      gaps.length === 0
        ? 'ready'
        : gaps.includes('events') || isSilent || watch.days === 0
          ? 'insufficient'
          : 'watching',
    moreDays: Math.max(...needs.map((need) => need.moreDays)),
    gaps,
    ...(starts === undefined ? {} : { starts }),
    ingress,
    egress,
  }
}

interface Need {
  readonly gaps: readonly ConfidenceGap[]
  readonly moreDays: number
}

/** A direction without any event is judged by its days alone: there is no next connection to speak of. */
function needsOf(direction: DirectionConfidence, { days, watched }: Watch): Need {
  const { events } = direction
  // On the first days everything was seen but once: the forecast takes it to come again, the bound does not.
  const isYoung = days < 2
  const { once, twice } = isYoung ? { once: 0, twice: 0 } : direction
  const singles = isYoung ? 0 : direction.singleDayEdges
  const gaps: ConfidenceGap[] = []
  let moreDays = 0
  const need = (gap: ConfidenceGap, more: number): void => {
    gaps.push(gap)
    moreDays = Math.max(moreDays, Math.ceil(more))
  }
  const pace = events / watched
  if (events > 0) {
    const missing = (wanted: number): number => Math.max(0, wanted - events) / pace
    if (events < confidenceTargets.events) need('events', missing(confidenceTargets.events))
    if (direction.nextConnection.upper > confidenceTargets.nextConnection) {
      const wanted = unseenMargin({ once, twice }) / confidenceTargets.nextConnection
      need('next-connection', missing(wanted))
    }
  }
  if (direction.newEdgeTomorrow.upper > confidenceTargets.newEdgeTomorrow) {
    const target = confidenceTargets.newEdgeTomorrow
    need('new-edge', blocksUntil(target, singles) - days)
  }
  return { gaps, moreDays }
}

function lengthNeed({ days }: Watch): Need {
  const missing = confidenceTargets.days - days
  return missing > 0 ? { gaps: ['days'], moreDays: missing } : { gaps: [], moreDays: 0 }
}

function directionOf(edges: readonly ActiveEdge[], watch: Watch): DirectionConfidence {
  const counts = edges.map(eventsOf)
  const frequencies = {
    events: counts.reduce((sum, count) => sum + count, 0),
    once: counts.filter((count) => count === 1).length,
    twice: counts.filter((count) => count === 2).length,
  }
  const upper = unseenUpper(frequencies)
  const singleDayEdges = edges.filter(
    (edge) => watch.dayOf(edge[0]?.[0] ?? 0) === watch.dayOf(edge.at(-1)?.[1] ?? 0),
  ).length
  const tomorrow = newInNextBlock(singleDayEdges, watch.days)
  const newest = edges.reduce((latest, edge) => Math.max(latest, edge[0]?.[0] ?? 0), 0)
  return {
    edges: edges.length,
    ...frequencies,
    nextConnection: {
      estimate: rounded(unseenEstimate(frequencies)),
      upper: rounded(upper),
      upperWithLosses: rounded((1 - watch.lost) * upper + watch.lost),
    },
    holdOut: holdOutOf(edges),
    singleDayEdges,
    newEdgeTomorrow: { estimate: rounded(tomorrow.estimate), upper: rounded(tomorrow.upper) },
    ...(edges.length === 0 ? {} : { lastNewEdge: formatTime(newest * blockMs) }),
  }
}

/** Blocks are the grain of time: what is held out begins with the block that completes the first two thirds of the events. */
function holdOutOf(edges: readonly ActiveEdge[]): DirectionConfidence['holdOut'] {
  const allBefore = (cut: number): number =>
    edges.reduce((sum, edge) => sum + eventsBefore(edge, cut), 0)
  let low = edges.reduce((least, edge) => Math.min(least, edge[0]?.[0] ?? 0), Infinity)
  let high = edges.reduce((most, edge) => Math.max(most, edge.at(-1)?.[1] ?? 0), 0) + 1
  const all = allBefore(high)
  if (all === 0) return { events: 0, unseen: 0, upper: 1 }
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (allBefore(middle) * 3 >= all * 2) high = middle
    else low = middle + 1
  }
  const fresh = edges.filter((edge) => (edge[0]?.[0] ?? 0) >= low)
  const events = all - allBefore(low)
  const unseen = fresh.reduce((sum, edge) => sum + eventsOf(edge), 0)
  return { events, unseen, upper: rounded(binomialUpper(unseen, events)) }
}

const revisionKeys = ['pod-template-hash', 'rollouts-pod-template-hash', 'controller-revision-hash']

/**
 * Returns the rollouts and further runs that were seen of the workload of a group that was seen least; undefined where
 * nothing that is seen of its pods tells one start from the next.
 */
function startsOf(classes: readonly TrafficClass[]): number | undefined {
  const marks = new Map<string, Set<string>>()
  for (const known of classes.filter(({ observed }) => observed)) {
    for (const pod of known.pods.filter(({ unseen }) => unseen !== true)) {
      const key = `${pod.workload.kind} ${pod.workload.name}`
      const seen = marks.get(key) ?? new Set<string>()
      marks.set(key, seen)
      const mark = markOf(pod)
      if (mark !== undefined) seen.add(mark)
    }
  }
  const starts = [...marks.values()].flatMap(({ size }) => (size === 0 ? [] : size - 1))
  return starts.length === 0 ? undefined : Math.min(...starts)
}

/** Returns what tells the revision of a pod, or its run: the CNI hides the labels for it, and the name of a ReplicaSet's pod has it. */
function markOf({ name, generation, workload: { kind } }: TrafficPod): string | undefined {
  if (kind === 'CronJob') return name
  const revision = generation.find((label) =>
    revisionKeys.some((prefix) => label.startsWith(`${prefix}=`)),
  )
  if (revision !== undefined) return revision
  const isReplicated = kind === 'Deployment' || kind === 'Rollout'
  return isReplicated ? /^(.+)-[a-z0-9]{5}$/.exec(name)?.[1] : undefined
}

function lostPart({ ledger: { lostEvents, records } }: Traffic): number {
  return lostEvents === 0 ? 0 : lostEvents / (records + lostEvents)
}

function unseenOf(traffic: Traffic, inventory: Inventory | undefined): Omit<Unseen, 'rollouts'> {
  const observed = traffic.classes.filter((known) => known.observed)
  const workloads = new Set(
    observed.flatMap(({ namespace, workloads: refs }) =>
      refs.map(({ kind, name }) => `${namespace}/${name} (${kind})`),
    ),
  )
  const pods = new Set(
    observed.flatMap(({ namespace, pods: known }) =>
      known.filter(({ unseen }) => unseen !== true).map(({ name }) => `${namespace}/${name}`),
    ),
  )
  const missing = (inventory?.workloads ?? [])
    .filter(({ hostNetwork, replicas }) => !hostNetwork && replicas !== 0)
    .map((workload) => ({
      ...workload,
      text: `${workload.namespace}/${workload.name} (${workload.kind})`,
    }))
    .filter(({ text }) => !workloads.has(text))
  return {
    cronJobs: missing
      .filter(({ kind }) => kind === 'CronJob')
      .map(({ namespace, name, schedule }) =>
        schedule === undefined ? `${namespace}/${name}` : `${namespace}/${name} (${schedule})`,
      )
      .sort(),
    pods: (inventory?.pods ?? [])
      .filter(({ running, hostNetwork }) => running && !hostNetwork)
      .filter(({ namespace, workload }) => {
        const text = `${namespace}/${workload?.name ?? ''} (${workload?.kind ?? ''})`
        return workload === undefined || !workloads.has(text)
      })
      .map(({ namespace, name }) => `${namespace}/${name}`)
      .filter((name) => !pods.has(name))
      .sort(),
    workloads: missing
      .filter(({ kind }) => kind !== 'CronJob')
      .map(({ text }) => text)
      .sort(),
  }
}

/** Six digits are more than any bound can carry, and few enough to be the same on every machine. */
function rounded(chance: number): number {
  return Math.round(chance * 1e6) / 1e6
}
