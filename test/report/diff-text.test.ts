import { expect, test } from 'vitest'
import type { Change } from '../../src/diff/policy-diff.ts'
import { diffToJson, diffToText } from '../../src/report/diff-text.ts'
import { createStyle } from '../../src/report/style.ts'
import { emptyDiff, exampleDiff, hostileDiff, obeyed } from './examples.ts'

const plain = createStyle({ color: false })

test('a diff in text', () => {
  expect(`\n${diffToText(exampleDiff, plain)}`).toMatchInlineSnapshot(`
    "
    1 would break, 1 pod direction newly isolated, 1 opened, 1 needed, 1 tightened; 12,345 connections unchanged

    would break: no longer allowed, although it was seen
      - shop/web -> shop/db  5432/TCP  (1,200 flows, last 2026-03-02T10:00:00.000Z)  [0123456789ab]
          was allowed by shop/db (policies/db.yaml:10)
          denied by shop/db-next

    isolation: pods that become isolated, or are no longer
      - shop/db becomes isolated for ingress; nothing stays allowed; closed without having been seen: 8 connections  [1123456789ab]
          isolated by shop/db-next

    opens: newly allowed, and never seen
      + shop/web, shop/api -> everyone outside  443/TCP, 8000-8100/UDP  [2123456789ab]
          was denied by shop/a, shop/b, shop/c
          allowed by shop/a, shop/b, shop/c, shop/d and 2 more

    needed: newly allowed, as it was seen
      + shop/api -> shop/db  5432/TCP  (1 flow)  [3123456789ab]

    tightens: no longer allowed, and never seen
      - everyone -> shop/web  all ports  [4123456789ab]

    objects: 1 created, 1 changed, 1 deleted, 1 unchanged
      deleted shop/db (policies/db.yaml:1)
      created shop/db-next
      changed shop/web (policies/web.yaml:1)
          policyTypes:
          - - Ingress
          + - Egress

    stale: managed grants that this traffic lacks
      kept shop/web: egress to shop/old on 80/TCP
      removed shop/web: ingress from shop/gone on 81/TCP

    not compared: policies of kinds that are not evaluated
      CiliumNetworkPolicy shop/l7
    "
  `)
})

test('a diff without a difference is one line', () => {
  expect(diffToText(emptyDiff, plain)).toBe('no difference in meaning; 1 connection unchanged\n')
})

test('colour changes nothing but the colour', () => {
  const painted = diffToText(exampleDiff, createStyle({ color: true }))
  expect(painted).toContain('\u001b[31m')
  expect(painted.replace(/\p{Cc}\[\d+m/gu, '')).toBe(diffToText(exampleDiff, plain))
})

test('text from outside is escaped in text and JSON', () => {
  expect(diffToText(hostileDiff, plain)).not.toMatch(obeyed)
  expect(diffToJson(hostileDiff)).not.toMatch(obeyed)
  expect(JSON.parse(diffToJson(hostileDiff))).toEqual(hostileDiff)
})

test('what is too much is counted', () => {
  const [first] = exampleDiff.changes
  const changes = Array.from({ length: 1300 }, (): Change => ({ ...first!, old: [], new: [] }))
  const text = diffToText(
    { ...exampleDiff, changes, objects: [], stale: [], notCompared: [] },
    plain,
  )
  expect(text.split('\n')).toHaveLength(1 + 2 + 200 + 1 + 1)
  expect(text).toContain('  and 1,100 more: -o json lists all of them\n')
})

test('JSON is the document itself, with a final newline', () => {
  const text = diffToJson(exampleDiff)
  expect(text.endsWith('}\n')).toBe(true)
  expect(JSON.parse(text)).toEqual(exampleDiff)
  expect(Object.keys(JSON.parse(text)).slice(0, 2)).toEqual(['apiVersion', 'kind'])
})
