/** Which grants others make needless: what is granted anyway is not kept a second time. */
import { hasNoIps, ipBlockSet, noIps, subtractIps, uniteIps } from '../policy/ip-set.ts'
import type { LabelSelector } from '../policy/network-policy.ts'
import type { TrafficClass } from '../traffic/traffic.ts'
import type { Literal } from './conjunction.ts'
import { conjunctionMatches, literalText } from './conjunction.ts'
import { cubesOf } from './grant-cubes.ts'
import type { Cube } from './peer-cubes.ts'
import { cubeText } from './peer-cubes.ts'
import type { Plan } from './plan.ts'
import { isSpecialGrant } from './special-grants.ts'
import type { Grant, GrantPeer } from './synthesis.ts'

/** Grants by subject, asked what they imply. */
export interface GrantIndex {
  readonly add: (grants: readonly Grant[]) => void
  /**
   * Tells whether a grant is implied: its text is there already, or a wider one, or every address that it reaches is
   * reached anyway, by grants of subjects that hold its own.
   */
  readonly implies: (grant: Grant) => boolean
}

/** A grant that is there, with its peer as cubes. */
interface Rival {
  readonly grant: Grant
  readonly cubes: readonly Cube[]
}

/** The grants of one subject in one direction. */
interface Shelf {
  readonly rivals: Rival[]
  /** Ports and cube of each, for the question that is asked most. */
  readonly texts: Set<string>
}

/** Returns the index of some grants, to which more can be added. */
export function indexGrants(plan: Plan, grants: readonly Grant[]): GrantIndex {
  const shelves = new Map<string, Shelf>()
  const coveringOf = coveringSubjects(plan)
  const classesOf = plan.options.reoptimise === true ? findClasses(plan.traffic.classes) : undefined
  const cubesOfGrant = (grant: Grant): readonly Cube[] =>
    cubesOf(plan, grant.peer, plan.groups[grant.subject]?.namespace ?? '')
  // Whoever asks for requests does not want the whole port back.
  const replaces = ({ request, why }: Grant): boolean =>
    request !== undefined &&
    why !== 'retained' &&
    (plan.options.l7 ?? []).includes('http' in request ? 'http' : 'dns')
  const add = (grant: Grant): void => {
    const key = `${grant.direction} ${grant.subject}`
    const shelf = shelves.get(key) ?? { rivals: [], texts: new Set<string>() }
    shelves.set(key, shelf)
    const cubes = cubesOfGrant(grant)
    shelf.rivals.push({ grant, cubes })
    for (const cube of cubes) {
      shelf.texts.add(`${cellText(grant, cube)} ${requestText(grant)}`)
      if (replaces(grant)) shelf.texts.add(`${cellText(grant, cube)} replaced`)
    }
  }
  for (const grant of grants) add(grant)
  return {
    add: (more) => {
      for (const grant of more) add(grant)
    },
    implies: (grant) => {
      const [atom] = cubesOfGrant(grant)
      const near = coveringOf(grant.subject).flatMap(
        (subject) => shelves.get(`${grant.direction} ${subject}`) ?? [],
      )
      if (atom !== undefined) {
        const text = cellText(grant, atom)
        const words = grant.request === undefined ? ['', 'replaced'] : ['', requestText(grant)]
        const known = words.map((word) => `${text} ${word}`)
        if (near.some(({ texts }) => known.some((one) => texts.has(one)))) return true
      }
      const rivals = near.flatMap((shelf) =>
        shelf.rivals.filter(
          (rival) =>
            coversPorts(rival.grant, grant) &&
            (coversRequest(rival.grant, grant) ||
              (grant.request === undefined && replaces(rival.grant))),
        ),
      )
      return isImplied(grant, atom, rivals, classesOf)
    },
  }
}

/** Returns the look-up of the groups whose selectors select every class of a group, its own among them. */
function coveringSubjects(plan: Plan): (subject: number) => readonly number[] {
  const selecting = plan.traffic.classes.map((): number[] => [])
  for (const [group, { selects }] of plan.selectors.entries()) {
    for (const id of selects) selecting[id]?.push(group)
  }
  const known = new Map<number, readonly number[]>()
  return (subject) => {
    const before = known.get(subject)
    if (before !== undefined) return before
    const [first = -1, ...rest] = plan.groups[subject]?.classes ?? []
    const covering = (selecting[first] ?? []).filter((group) =>
      rest.every((id) => selecting[id]?.includes(group) === true),
    )
    known.set(subject, covering)
    return covering
  }
}

/** Returns the classes that a cube may select. */
type ClassFinder = (cube: Cube) => readonly TrafficClass[]

/** Every cube of ours asks for a value of some label: those who have it are few. */
function findClasses(classes: readonly TrafficClass[]): ClassFinder {
  const found = new Map<string, TrafficClass[]>()
  const place = (...parts: readonly string[]): string => JSON.stringify(parts)
  const add = (key: string, known: TrafficClass): void => {
    const list = found.get(key)
    if (list === undefined) found.set(key, [known])
    else list.push(known)
  }
  for (const known of classes) {
    add(place(known.namespace), known)
    for (const key of Object.keys(known.labels)) {
      add(place(known.namespace, key, known.labels[key] ?? ''), known)
    }
  }
  return ({ namespaces, literals }) => {
    const named = literals.find(({ op }) => op === 'Eq' || op === 'In')
    return namespaces.flatMap((namespace) =>
      named === undefined
        ? (found.get(place(namespace)) ?? [])
        : named.values.flatMap((value) => found.get(place(namespace, named.key, value)) ?? []),
    )
  }
}

function cellText({ protocol, port, endPort }: Grant, cube: Cube): string {
  return `${protocol} ${port} ${endPort ?? port} ${cubeText(cube)}`
}

function isImplied(
  grant: Grant,
  atom: Cube | undefined,
  rivals: readonly Rival[],
  classesOf: ClassFinder | undefined,
): boolean {
  const peers = rivals.map((rival) => rival.grant.peer)
  if (peers.some((peer) => peer.kind === 'everyone')) return true
  if (grant.peer.kind === 'block') return isBlockCovered(grant.peer, peers)
  if (!isSpecialGrant(grant.peer) && peers.some(isEveryPod)) return true
  if (atom === undefined) {
    const text = JSON.stringify(grant.peer)
    return peers.some((peer) => JSON.stringify(peer) === text)
  }
  const cubes = rivals.flatMap((rival) => rival.cubes)
  if (cubes.some((cube) => cubeHolds(cube, atom))) return true
  // A selector that is chosen afresh replaces the old one where it reaches the same; else pods that were not seen this
  // time would lose what the old one granted them.
  if (classesOf === undefined) return false
  const reached = classesOf(atom).filter((known) => cubeSelects(atom, known))
  return (
    reached.length > 0 && reached.every((known) => cubes.some((cube) => cubeSelects(cube, known)))
  )
}

function isEveryPod(peer: GrantPeer): boolean {
  if (peer.kind !== 'selector') return false
  const { namespaceSelector, podSelector } = peer.peer
  return (
    namespaceSelector !== undefined &&
    isEmptySelector(namespaceSelector) &&
    (podSelector === undefined || isEmptySelector(podSelector))
  )
}

function isEmptySelector(selector: LabelSelector): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0
}

function requestText({ request }: Grant): string {
  return request === undefined ? '' : JSON.stringify(request)
}

function coversRequest(wide: Grant, narrow: Grant): boolean {
  return wide.request === undefined || requestText(wide) === requestText(narrow)
}

function coversPorts(wide: Grant, narrow: Grant): boolean {
  return (
    wide.protocol === narrow.protocol &&
    wide.port <= narrow.port &&
    (wide.endPort ?? wide.port) >= (narrow.endPort ?? narrow.port)
  )
}

function isBlockCovered(
  block: { readonly cidr: string; readonly except: readonly string[] },
  peers: readonly GrantPeer[],
): boolean {
  let granted = noIps
  for (const peer of peers) {
    if (peer.kind === 'block') granted = uniteIps(granted, ipBlockSet(peer))
  }
  return hasNoIps(subtractIps(ipBlockSet(block), granted))
}

function cubeSelects(
  cube: Cube,
  known: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  return (
    cube.namespaces.includes(known.namespace) && conjunctionMatches(cube.literals, known.labels)
  )
}

function cubeHolds(wide: Cube, narrow: Cube): boolean {
  return (
    narrow.namespaces.every((namespace) => wide.namespaces.includes(namespace)) &&
    wide.literals.every((literal) => narrow.literals.some((one) => literalImplies(one, literal)))
  )
}

function literalImplies(narrow: Literal, wide: Literal): boolean {
  if (narrow.key !== wide.key) return false
  if (narrow.op === 'Eq' || narrow.op === 'In') {
    if (wide.op === 'Exists') return true
    if (wide.op === 'Eq' || wide.op === 'In') {
      return narrow.values.every((value) => wide.values.includes(value))
    }
    return false
  }
  return literalText(narrow) === literalText(wide)
}
