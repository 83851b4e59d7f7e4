import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PolicySubject } from '../../src/synthesis/policy-names.ts'
import { assignPolicyNames, policyName } from '../../src/synthesis/policy-names.ts'

function subject(text: string, namespace = 'shop'): PolicySubject {
  return {
    namespace,
    workloads: text.split('+').map((ref) => {
      const [kind = '', name = ''] = ref.split('/')
      return { kind, name }
    }),
  }
}

function assign(
  subjects: readonly PolicySubject[],
  taken: readonly string[] = [],
  previous?: readonly (string | undefined)[],
): readonly string[] {
  return assignPolicyNames(subjects, new Set(taken), previous)
}

const safe = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/

describe('policyName', () => {
  test.each([
    ['web', 'plain', /^web$/],
    ['web', 'kind', /^web-deploy$/],
    ['web', 'hash', /^web-[0-9a-f]{6}$/],
    ['api.v2', 'plain', /^api\.v2$/],
    ['x'.repeat(63), 'plain', /^x{63}$/],
    ['x'.repeat(63), 'kind', /^x{56}-[0-9a-f]{6}$/],
    ['x'.repeat(64), 'plain', /^x{56}-[0-9a-f]{6}$/],
    [`${'x'.repeat(55)}-yyyyyyyyyy`, 'plain', /^x{55}-[0-9a-f]{6}$/],
    ['Web', 'plain', /^web-[0-9a-f]{6}$/],
    ['../../etc/passwd', 'plain', /^etc-passwd-[0-9a-f]{6}$/],
    ['a..b', 'plain', /^a-b-[0-9a-f]{6}$/],
    ['\u001b[31mred', 'plain', /^31mred-[0-9a-f]{6}$/],
    ['web\n', 'plain', /^web-[0-9a-f]{6}$/],
    ['büro', 'plain', /^b-ro-[0-9a-f]{6}$/],
    ['', 'plain', /^workload-[0-9a-f]{6}$/],
    ['..', 'plain', /^workload-[0-9a-f]{6}$/],
  ] as const)('%j as %s', (name, form, expected) => {
    expect(policyName({ namespace: 'shop', kind: 'Deployment', name }, form)).toMatch(expected)
  })

  test('the digits are the folded FNV-1a of namespace, kind and name, for good', () => {
    const named = policyName({ namespace: 'shop', kind: 'Deployment', name: 'web' }, 'hash')
    expect(named).toBe(`web-${folded('["shop","Deployment","web"]')}`)
    for (const other of [
      { namespace: 'shop2', kind: 'Deployment', name: 'web' },
      { namespace: 'shop', kind: 'StatefulSet', name: 'web' },
    ]) {
      expect(policyName(other, 'hash')).not.toBe(named)
    }
  })

  test.each([
    ['StatefulSet', 'web-sts'],
    ['DaemonSet', 'web-ds'],
    ['Job', 'web-job'],
    ['CronJob', 'web-cj'],
    ['ReplicaSet', 'web-rs'],
    ['ReplicationController', 'web-rc'],
    ['Pod', 'web-pod'],
    ['Rollout', 'web-rollout'],
    ['../Evil', 'web-evil'],
    ['', 'web-other'],
    ['constructor', 'web-constructor'],
  ])('%s is shortened', (kind, expected) => {
    expect(policyName({ namespace: 'shop', kind, name: 'web' }, 'kind')).toBe(expected)
  })
})

describe('assignPolicyNames', () => {
  test('by workload, whatever other namespaces have', () => {
    expect(
      assign([
        subject('Deployment/web'),
        subject('Deployment/web', 'data'),
        subject('StatefulSet/pg'),
      ]),
    ).toEqual(['web', 'web', 'pg'])
  })

  test('by the first workload of a group, by name and then kind', () => {
    expect(assign([subject('StatefulSet/web+Deployment/web+Deployment/api')])).toEqual(['api'])
  })

  test('two kinds of one name', () => {
    expect(assign([subject('Deployment/web'), subject('StatefulSet/web')])).toEqual([
      'web-deploy',
      'web-sts',
    ])
  })

  test('a name with its kind gives way to a workload that is really called so', () => {
    const names = assign([
      subject('Deployment/web'),
      subject('StatefulSet/web'),
      subject('Deployment/web-sts'),
    ])
    expect(names).toEqual(['web-deploy', expect.stringMatching(/^web-[0-9a-f]{6}$/), 'web-sts'])
  })

  test('a name that a policy of someone else has', () => {
    const digits = assign([subject('Deployment/web')], ['shop/web', 'data/web'])[0]!
    expect(digits).toMatch(/^web-[0-9a-f]{6}$/)
    expect(assign([subject('Deployment/web')], ['data/web'])).toEqual(['web'])
    const further = assign([subject('Deployment/web')], ['shop/web', `shop/${digits}`])[0]!
    expect(further).toMatch(/^web-[0-9a-f]{6}$/)
    expect(further).not.toBe(digits)
  })

  test('a name of last time stays, also where it would not be chosen today', () => {
    const subjects = [subject('Deployment/web'), subject('StatefulSet/web')]
    expect(assign(subjects, [], ['web', undefined])).toEqual(['web', 'web-sts'])
    expect(assign([subject('Deployment/web')], [], ['np-web'])).toEqual(['np-web'])
  })

  test.each([
    ['taken by someone else', ['shop/old'], 'old'],
    ['no legal name', [], '../old'],
    ['too long', [], 'x'.repeat(254)],
  ])('unless it is %s', (_, taken, name) => {
    expect(assign([subject('Deployment/web')], taken, [name])).toEqual(['web'])
  })

  test('two subjects that claim one old name do not both get it', () => {
    const names = assign([subject('Deployment/b'), subject('Deployment/a')], [], ['old', 'old'])
    expect(names).toEqual(['b', 'old'])
  })

  test('a new name avoids one that stays', () => {
    const names = assign(
      [subject('Deployment/web'), subject('Deployment/api')],
      [],
      [undefined, 'web'],
    )
    expect(names).toEqual(['web-deploy', 'web'])
  })

  test('equal subjects still get different names', () => {
    const names = assign([subject('Pod/x'), subject('Pod/x'), subject('Pod/x')])
    expect(new Set(names).size).toBe(3)
  })

  test('names are distinct, legal and independent of order', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'web',
        'web-sts',
        'web-deploy',
        'Web',
        '',
        '../x',
        '__proto__',
        'a.b',
        'a..b',
      ),
      fc.string({ maxLength: 90 }),
    )
    const ref = fc.record({
      kind: fc.constantFrom('Deployment', 'StatefulSet', 'Pod', ''),
      name,
    })
    const subjects = fc.uniqueArray(
      fc.record({
        namespace: fc.constantFrom('shop', 'data'),
        workloads: fc.array(ref, { maxLength: 3 }),
      }),
      { maxLength: 8, selector: (made) => JSON.stringify(made) },
    )
    fc.assert(
      fc.property(
        subjects,
        fc.array(fc.constantFrom('shop/web', 'shop/web-sts', 'data/web')),
        fc.integer({ min: 0, max: 7 }),
        (made, taken, turn) => {
          const names = assign(made, taken)
          const full = names.map((given, at) => `${made[at]!.namespace}/${given}`)
          for (const given of names) {
            expect(given).toMatch(safe)
            expect(given.length).toBeLessThanOrEqual(63)
            expect(given).not.toContain('..')
          }
          expect(new Set([...full, ...taken]).size).toBe(full.length + new Set(taken).size)
          const at = made.length === 0 ? 0 : turn % made.length
          const turned = [...made.slice(at), ...made.slice(0, at)]
          const expected = [...names.slice(at), ...names.slice(0, at)]
          const distinct = new Set(made.map((one) => JSON.stringify(sorted(one)))).size
          if (distinct === made.length) expect(assign(turned, taken)).toEqual(expected)
        },
      ),
      { numRuns: 300 },
    )
  })
})

function sorted(one: PolicySubject): unknown {
  return [one.namespace, one.workloads.map((ref) => JSON.stringify([ref.name, ref.kind])).sort()]
}

/** FNV-1a in arbitrary precision, folded to 24 bits. */
function folded(text: string): string {
  let hash = 2166136261n
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n
  }
  return ((hash >> 24n) ^ (hash % 2n ** 24n)).toString(16).padStart(6, '0')
}
