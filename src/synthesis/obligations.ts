/** The edges that the policies must let through, each over every class of the groups at its ends. */
import type { Edge, EdgeEnd, Traffic } from '../traffic/traffic.ts'
import type { Synthesis } from './synthesis.ts'

/** One edge that must be let through. */
export interface Obligation {
  readonly edge: Edge
  readonly from: ObligedEnd
  readonly to: ObligedEnd
}

/** Classes of a group, or the end itself where it is no pod. */
export type ObligedEnd = readonly number[] | Exclude<EdgeEnd, { readonly kind: 'class' }>

/** Tells whether an end is the classes of a group; `in` takes far longer to tell it of a list. */
export function areClasses(end: ObligedEnd): end is readonly number[] {
  return Array.isArray(end)
}

/** Returns the obligations of a synthesis, in the order of the edges. */
export function obligationsOf(traffic: Traffic, synthesis: Synthesis): readonly Obligation[] {
  const classesOf = new Map(
    synthesis.groups.flatMap((group) => group.classes.map((id) => [id, group.classes] as const)),
  )
  const oblige = (end: EdgeEnd): ObligedEnd =>
    end.kind === 'class' ? (classesOf.get(end.class) ?? [end.class]) : end
  const obligations: Obligation[] = []
  for (const index of synthesis.obligations) {
    const edge = traffic.edges[index]
    if (edge !== undefined) {
      obligations.push({ edge, from: oblige(edge.from), to: oblige(edge.to) })
    }
  }
  return obligations
}
