/** Mutants of the engine, one wrong meaning each: the comparison with the naive evaluator must find every one. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type * as Bits from '../../src/policy/bits.ts'
import type * as CompiledSet from '../../src/policy/compiled-set.ts'
import type * as Rows from '../../src/policy/rows.ts'
import type * as Universe from '../../src/policy/universe.ts'
import type { Engine } from '../support/engine-check.ts'
import { checkEngine } from '../support/engine-check.ts'
import { policySet, smallCluster } from '../support/policy-sets.ts'

interface Mutant {
  /** What it gets wrong. */
  readonly what: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const mutants: readonly Mutant[] = [
  {
    what: 'a policy without types isolates egress although it has no egress rule',
    file: 'plain-rule.ts',
    from: "direction === 'ingress' || egress.length > 0",
    to: 'true',
  },
  {
    what: 'a policy without types never isolates egress',
    file: 'plain-rule.ts',
    from: "direction === 'ingress' || egress.length > 0",
    to: "direction === 'ingress'",
  },
  {
    what: 'an empty list of types isolates nothing',
    file: 'plain-rule.ts',
    from: 'if (policyTypes.length > 0) {',
    to: 'if (spec.policyTypes !== undefined) {',
  },
  {
    what: 'a policy without rules isolates nothing',
    file: 'compiled-set.ts',
    from: '    if (union.isolates) {',
    to: '    if (union.rules.length > 0) {',
  },
  {
    what: 'an empty list of peers is nobody',
    file: 'compiled-policy.ts',
    from: 'if (peers === undefined || peers.length === 0) return',
    to: 'if (peers === undefined) return',
  },
  {
    what: 'of several peers the first alone counts',
    file: 'compiled-policy.ts',
    from: 'universe.lists.unite(peers.map(',
    to: 'universe.lists.unite(peers.slice(0, 1).map(',
  },
  {
    what: 'egress rules without peers open nothing',
    file: 'compiled-set.ts',
    from: "const toEveryone: EgressGrant[] = totals.get('everyone') ?? []",
    to: 'const toEveryone: EgressGrant[] = []',
  },
  {
    what: 'of egress rules with equal peers and ports one policy alone counts',
    file: 'compiled-set.ts',
    from: 'for (const subject of subjects) addBit(all, subject)',
    to: '',
  },
  {
    what: 'NotIn needs the key',
    file: 'selector.ts',
    from: 'return !isListed',
    to: 'return value !== undefined && !isListed',
  },
  {
    what: 'an empty value is no value',
    file: 'selector.ts',
    from: 'return value !== undefined\n',
    to: "return value !== undefined && value !== ''\n",
  },
  {
    what: 'expressions beside matchLabels are passed over',
    file: 'selector.ts',
    from: 'return matchExpressions?.every',
    to: 'return matchLabels !== undefined ? true : matchExpressions?.every',
  },
  {
    what: 'a pod selector alone selects pods of every namespace',
    file: 'pod-index.ts',
    from: 'selector === undefined ? (byName.get(home) ?? []) : homesMatching(selector)',
    to: 'selector === undefined ? homes : homesMatching(selector)',
  },
  {
    what: 'a peer without selectors is every pod of the namespace',
    file: 'pod-index.ts',
    from: 'if (podSelector === undefined && namespaceSelector === undefined) return []',
    to: '',
  },
  {
    what: 'the pod selector beside a namespace selector is passed over',
    file: 'pod-index.ts',
    from: 'podsMatching(place, peer.podSelector)',
    to: 'podsMatching(place, peer.namespaceSelector ? undefined : peer.podSelector)',
  },
  {
    what: 'of the values of In the first alone counts',
    file: 'pod-index.ts',
    from: 'of listed.values ?? []',
    to: 'of listed.values?.slice(0, 1) ?? []',
  },
  {
    what: 'a port without protocol is UDP',
    file: 'port-line.ts',
    from: "const protocol = item.protocol ?? 'TCP'",
    to: "const protocol = item.protocol ?? 'UDP'",
  },
  {
    what: 'endPort is passed over',
    file: 'port-line.ts',
    from: '(item.endPort ?? first)',
    to: 'first',
  },
  {
    what: 'endPort is not part of its range',
    file: 'port-line.ts',
    from: '(item.endPort ?? first)',
    to: '(item.endPort === undefined ? first : Math.max(first, item.endPort - 1))',
  },
  {
    what: 'a rule without ports is about TCP',
    file: 'port-line.ts',
    from: 'const all = portProtocols.flatMap((protocol)',
    to: "const all = (['TCP'] as const).flatMap((protocol)",
  },
  {
    what: 'a port without number is port 1',
    file: 'port-line.ts',
    from: 'item.port === undefined ? maxPort',
    to: 'item.port === undefined ? 1',
  },
  {
    what: 'a named port is any port of that name, whatever its protocol',
    file: 'port-line.ts',
    from: 'port.name === name && port.protocol === protocol',
    to: 'port.name === name',
  },
  {
    what: 'a named port means nothing, even where container ports are known',
    file: 'universe.ts',
    from: "const hasName = ports?.some(({ port }) => typeof port === 'string') === true",
    to: 'const hasName = false',
  },
  {
    what: 'exceptions of a block are passed over',
    file: 'address-cells.ts',
    from: '.filter((source) => !excepted.has(source))',
    to: '',
  },
  {
    what: 'a block ends one address late',
    file: 'address-cells.ts',
    from: 'return prefix.value + (1n << BigInt(prefix.width - prefix.length))',
    to: 'return prefix.value + (1n << BigInt(prefix.width - prefix.length)) + (prefix.length > 0 ? 1n : 0n)',
  },
  {
    what: 'blocks of IPv6 hold nothing',
    file: 'address-cells.ts',
    from: 'for (const width of [32, 128] as const) {',
    to: 'for (const width of [32] as const) {',
  },
  {
    what: 'blocks hold pods, asked for or not',
    file: 'universe.ts',
    from: 'if (!ipBlockPods) return []',
    to: '',
  },
  {
    what: 'blocks never hold pods',
    file: 'universe.ts',
    from: 'if (!ipBlockPods) return []',
    to: 'if (pods.length >= 0) return []',
  },
  {
    what: 'who is not isolated is closed',
    file: 'rows.ts',
    from: 'return { ingress: atoms.map(() => sources), egress: egress.rows() }',
    to: 'return { ingress: atoms.map(() => new Uint32Array(sources.length)), egress: egress.rows() }',
  },
  {
    what: 'the egress side of a source has no say',
    file: 'rows.ts',
    from: '?? withoutBits(sources, set.egress.isolated)',
    to: '?? sources',
  },
  {
    what: 'one side that allows is enough',
    file: 'rows.ts',
    from: 'commonBits(row, other)',
    to: 'row.map((word, at) => word | (other[at] ?? 0))',
  },
  {
    what: 'a range is not cut where it ends',
    file: 'rows.ts',
    from: 'if (high + 1 < limit) starts.add(high + 1)',
    to: '',
  },
  {
    what: 'the last part of a range is left out',
    file: 'rows.ts',
    from: '(atoms[index]?.low ?? 0) > span.high',
    to: '(atoms[index]?.high ?? 0) >= span.high',
  },
  {
    what: 'the first part of a range is left out',
    file: 'rows.ts',
    from: 'let index = firstAtom(atoms, span.low)',
    to: 'let index = firstAtom(atoms, span.low + 1)',
  },
  {
    what: 'of rules about different ranges that overlap the last alone counts',
    file: 'rows.ts',
    from: 'united = row === start ? layer : uniteBits(row, layer)',
    to: 'united = layer',
  },
  {
    what: 'the word boundary of a bit row is crossed',
    file: 'bits.ts',
    from: '(1 << (member & 31))',
    to: '(1 << (member & 15))',
  },
  {
    what: 'a future pod lacks no key',
    file: 'label-cells.ts',
    from: "['absent', ...named, 'other']",
    to: "[...named, 'other']",
  },
  {
    what: 'a future pod has no value that selectors do not name',
    file: 'label-cells.ts',
    from: "['absent', ...named, 'other']",
    to: "['absent', ...named]",
  },
  {
    what: 'a value that selectors do not name fails NotIn',
    file: 'label-cells.ts',
    from: "one.operator === 'NotIn' || one.operator === 'Exists'",
    to: "one.operator === 'Exists'",
  },
  {
    what: 'a new namespace bears the name of a known one',
    file: 'label-cells.ts',
    from: '.filter((value) => taken?.has(value) !== true)',
    to: '',
  },
  {
    what: 'peers of other namespaces are not asked of future pods',
    file: 'symbolic-pods.ts',
    from: 'if (selectorMatches(selector, home.labels)) ask(pods)',
    to: '',
  },
  {
    what: 'there are no new namespaces',
    file: 'symbolic-pods.ts',
    from: '[...existing, ...fresh.homes]',
    to: 'existing',
  },
  {
    what: 'a known pod stands for future ones that one policy alone treats otherwise',
    file: 'symbolic-pods.ts',
    from: '        ).sort(),',
    to: '        ).sort().slice(1),',
  },
]

const source = resolve(import.meta.dirname, '../../src')
const work = mkdtempSync(join(tmpdir(), 'netweir-mutants-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Compiles the engine with one file changed. */
async function loadEngine(name: string, mutant?: Mutant): Promise<Engine> {
  const root = join(work, name)
  mkdirSync(root, { recursive: true })
  cpSync(join(source, 'policy'), join(root, 'policy'), { recursive: true })
  for (const file of ['errors.ts', 'ip.ts', 'labels.ts']) {
    cpSync(join(source, file), join(root, file))
  }
  if (mutant !== undefined) {
    const path = join(root, 'policy', mutant.file)
    const text = readFileSync(path, 'utf8')
    expect(text.split(mutant.from), `${mutant.file} reads otherwise now`).toHaveLength(2)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(
      path,
      text.replace(mutant.from, () => mutant.to),
    )
  }
  const load = async <Module>(file: string): Promise<Module> =>
    (await import(/* @vite-ignore */ join(root, 'policy', file))) as Module
  const bits = await load<typeof Bits>('bits.ts')
  const compiled = await load<typeof CompiledSet>('compiled-set.ts')
  const rows = await load<typeof Rows>('rows.ts')
  const universe = await load<typeof Universe>('universe.ts')
  return { ...bits, ...compiled, ...rows, ...universe }
}

const cases = fc.sample(fc.tuple(policySet, smallCluster), { seed: 20_260_302, numRuns: 80 })

/** Returns the first thing that is wrong. */
function findWrong(engine: Engine): string | undefined {
  for (const [policies, cluster] of cases) {
    try {
      const { wrong } = checkEngine(engine, policies, cluster)
      if (wrong !== undefined) return wrong
    } catch (error) {
      return String(error)
    }
  }
  return undefined
}

describe('a mutant dies', () => {
  test('and the engine itself does not', async () => {
    expect(findWrong(await loadEngine('engine'))).toBeUndefined()
  })

  test.each(mutants.map((mutant, index) => ({ ...mutant, index })))('$what', async (mutant) => {
    const engine = await loadEngine(`mutant-${mutant.index}`, mutant)
    expect(findWrong(engine)).toBeDefined()
  })
})
