import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { toLabels } from '../../src/labels.ts'
import { hasBit } from '../../src/policy/bits.ts'
import { compileSet } from '../../src/policy/compiled-set.ts'
import { createEvaluator } from '../../src/policy/evaluate.ts'
import { readManifests } from '../../src/policy/manifest.ts'
import type {
  LocatedPolicy,
  NetworkPolicy,
  PolicyPod,
  PortProtocol,
} from '../../src/policy/network-policy.ts'
import { portPosition } from '../../src/policy/port-line.ts'
import { cutPorts, grantSpans, grantsTo, rowsTo } from '../../src/policy/rows.ts'
import { layOutUniverse } from '../../src/policy/universe.ts'
import { parsePolicies } from '../../src/policy/validate.ts'
import { describeShared } from '../support/shared.ts'

type Matrix = Readonly<Record<string, string>>

interface Step {
  readonly state: {
    readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>
    readonly pods: readonly {
      readonly namespace: string
      readonly name: string
      readonly labels: Readonly<Record<string, string>>
      readonly ip: string
      readonly ports: readonly {
        readonly port: number
        readonly protocol: PortProtocol
        readonly name: string
      }[]
    }[]
    readonly policies: readonly unknown[]
  }
  readonly podOrder: readonly string[]
  readonly expected: Readonly<
    Record<string, { readonly ingress: Matrix; readonly egress: Matrix; readonly combined: Matrix }>
  >
}

interface Outcome {
  readonly cells: number
  readonly wrong: readonly string[]
}

/** Answers from the bit rows of the exact engine, side by side. */
function allowedByEngine(
  policies: readonly LocatedPolicy[],
  pods: readonly PolicyPod[],
): (
  from: number,
  to: number,
  protocol: PortProtocol,
  port: number,
) => {
  readonly ingress: boolean
  readonly egress: boolean
} {
  const network = policies as readonly LocatedPolicy<NetworkPolicy>[]
  const universe = layOutUniverse(
    network.map(({ policy }) => policy),
    { pods: pods.map((pod) => ({ name: '', pod })), ipBlockPods: true },
  )
  const set = compileSet(network, universe)
  const ends = pods.map((_, end) => {
    const atoms = cutPorts(universe, end, grantSpans(grantsTo(set, universe, end)))
    return { atoms, rows: rowsTo(set, universe, end, atoms) }
  })
  return (from, to, protocol, port) => {
    const { atoms, rows } = ends[to]!
    const position = portPosition(protocol, port)
    const at = atoms.findIndex(({ low, high }) => low <= position && position <= high)
    return { ingress: hasBit(rows.ingress[at]!, from), egress: hasBit(rows.egress[at]!, from) }
  }
}

/** Compares every cell off the diagonal, for a pod never blocks itself whatever the tables say. */
function check(id: string, step: Step): Outcome {
  const list = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicyList',
    items: step.state.policies,
  }
  const { policies } = parsePolicies(readManifests(JSON.stringify(list), id))
  const evaluator = createEvaluator(
    policies.map(({ policy }) => policy),
    { ipBlockPods: true },
  )
  const pods = new Map(
    step.state.pods.map((pod): [string, PolicyPod] => [
      `${pod.namespace}/${pod.name}`,
      {
        kind: 'pod',
        namespace: pod.namespace,
        namespaceLabels: toLabels(Object.entries(step.state.namespaces[pod.namespace] ?? {})),
        labels: toLabels(Object.entries(pod.labels)),
        ports: pod.ports,
        addresses: [pod.ip],
      },
    ]),
  )
  const engine = allowedByEngine(policies, [...pods.values()])
  const order = [...pods.keys()]
  let cells = 0
  const wrong: string[] = []
  for (const [service, tables] of Object.entries(step.expected)) {
    const [protocol, port] = service.split('/') as [PortProtocol, string]
    for (const from of step.podOrder) {
      for (const [column, to] of step.podOrder.entries()) {
        if (from === to || tables.combined[from]?.[column] === '-') continue
        const decision = evaluator.evaluate(pods.get(from)!, pods.get(to)!, {
          protocol,
          port: Number(port),
        })
        const rows = engine(order.indexOf(from), order.indexOf(to), protocol, Number(port))
        if (rows.ingress !== decision.ingress.allowed || rows.egress !== decision.egress.allowed) {
          wrong.push(`${id} ${service} ${from} -> ${to}: the engine disagrees`)
        }
        const found = {
          ingress: decision.ingress.allowed,
          egress: decision.egress.allowed,
          combined: decision.allowed,
        }
        for (const table of ['ingress', 'egress', 'combined'] as const) {
          cells += 1
          const expected = tables[table][from]?.[column]
          if (expected !== (found[table] ? '.' : 'X')) {
            wrong.push(`${id} ${service} ${table} ${from} -> ${to}: expected ${expected}`)
          }
        }
      }
    }
  }
  return { cells, wrong }
}

function total(outcomes: readonly Outcome[]): Outcome {
  return {
    cells: outcomes.reduce((sum, { cells }) => sum + cells, 0),
    wrong: outcomes.flatMap(({ wrong }) => wrong),
  }
}

describeShared('cyclonus', (dir) => {
  const read = (name: string): string =>
    readFileSync(join(dir, 'corpora', 'cyclonus', name), 'utf8')

  test('the truth tables of the generated cases', () => {
    const cases = read('generated-cases.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly id: string; readonly steps: readonly Step[] })
    const steps = cases.flatMap(({ id, steps }) =>
      steps.map((step, index) => check(`${id}#${index}`, step)),
    )
    const { cells, wrong } = total(steps)
    expect(wrong).toEqual([])
    expect([cases.length, steps.length]).toEqual([230, 256])
    expect(cells).toBe(333_108)
  })

  test('the truth tables of the recipes', () => {
    const cases = JSON.parse(read('recipes-truth-tables.json')) as (Step & {
      readonly id: string
    })[]
    const { cells, wrong } = total(cases.map((step) => check(step.id, step)))
    expect(wrong).toEqual([])
    expect(cases).toHaveLength(15)
    expect(cells).toBe(3294)
  })
})
