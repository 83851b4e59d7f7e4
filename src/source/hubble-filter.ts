/** Filters that a Hubble server applies on request: `namespace=NAME`, `pod=NAMESPACE/PREFIX`, `verdict=NAME`. */
import { NetweirError } from '../errors.ts'
import { verdict as verdictEnum } from '../flow/hubble-enums.ts'
import { asObject, asText } from '../flow/json.ts'
import { messageJson } from '../flow/message.ts'
import { bytesField, numberField } from './wire-writer.ts'

/** What flows must be like: at one end a pod of the list, if there is one, and one of the verdicts. */
export interface ServerFilter {
  /** `namespace/prefix`, as Hubble takes it; without a prefix all pods of the namespace. */
  readonly pods: readonly string[]
  readonly verdicts: readonly string[]
}

const verdictNumbers = new Map(
  Object.entries(verdictEnum.names).map(([number, name]) => [name, Number(number)]),
)

/** Returns the filter that conditions make: those of one key are alternatives. @throws {NetweirError} `USAGE`. */
export function parseServerFilter(conditions: readonly string[]): ServerFilter {
  const pods: string[] = []
  const verdicts: string[] = []
  for (const text of conditions) {
    const [, key, value = ''] = /^([a-z]+)=(.+)$/.exec(text) ?? []
    if (key === 'namespace' && /^[-a-z0-9]{1,63}$/.test(value)) pods.push(`${value}/`)
    else if (key === 'pod' && /^[-a-z0-9]{1,63}\/[-a-z0-9.]+$/.test(value)) pods.push(value)
    else if (key === 'verdict' && verdictNumbers.has(value)) verdicts.push(value)
    else {
      throw new NetweirError('USAGE', `--server-filter cannot be "${text}"`, {
        hint: `expected namespace=NAME, pod=NAMESPACE/PREFIX, or verdict=NAME of ${[...verdictNumbers.keys()].join(', ')}`,
      })
    }
  }
  return { pods, verdicts }
}

/**
 * Returns the filter as messages `flow.FlowFilter`, of which one must match: one for pods at the source, one for pods at
 * the destination.
 */
export function filterMessages({ pods, verdicts }: ServerFilter): readonly Buffer[] {
  const verdictFields = verdicts.map((name) => numberField(5, verdictNumbers.get(name) ?? 0))
  const sourcePod = 2
  const destinationPod = 4
  const sides =
    pods.length === 0 ? [[]] : [sourcePod, destinationPod].map((field) => podFields(pods, field))
  return sides.map((fields) => Buffer.concat([...fields, ...verdictFields]))
}

function podFields(pods: readonly string[], field: number): readonly Buffer[] {
  return pods.map((pod) => bytesField(field, pod))
}

/**
 * Tells whether a flow is what was asked for: a server that is older than a filter ignores it without a word
 * (`hubble.md` 1.2). The bytes are an answer of `GetFlows`.
 * @throws {MalformedRecord} when they are none.
 */
export function matchesFilter(bytes: Uint8Array, { pods, verdicts }: ServerFilter): boolean {
  const flow = asObject(messageJson(bytes, 'get-flows-response')['flow'])
  if (flow === undefined) return true
  const name = asText(flow['verdict']) || 'VERDICT_UNKNOWN'
  if (verdicts.length > 0 && !verdicts.includes(name)) return false
  return (
    pods.length === 0 || [flow['source'], flow['destination']].some((end) => isOneOf(end, pods))
  )
}

function isOneOf(value: unknown, pods: readonly string[]): boolean {
  const end = asObject(value)
  const namespace = asText(end?.['namespace'])
  const pod = asText(end?.['pod_name'])
  return namespace !== '' && pods.some((one) => `${namespace}/${pod}`.startsWith(one))
}
