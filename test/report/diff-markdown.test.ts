import { expect, test } from 'vitest'
import type { PolicyDiff } from '../../src/diff/policy-diff.ts'
import { diffToMarkdown } from '../../src/report/diff-markdown.ts'
import { maxMarkdownLength } from '../../src/report/markdown-parts.ts'
import { emptyDiff, exampleDiff, hostileDiff, obeyed } from './examples.ts'

test('a diff in Markdown: what would break is open, the rest is folded', () => {
  expect(`\n${diffToMarkdown(exampleDiff)}`).toMatchInlineSnapshot(`
    "
    ### netweir: 1 would break, 1 pod direction newly isolated, 1 opened, 1 needed, 1 tightened; 12,345 connections unchanged

    <details open><summary>would break (1): no longer allowed, although it was seen</summary>

    | from | to | ports | seen | policies | id |
    | --- | --- | --- | --- | --- | --- |
    | <code>shop/web</code> | <code>shop/db</code> | <code>5432/TCP</code> | 1,200 flows, last 2026-03-02T10:00:00.000Z | was allowed by <code>shop/db (policies/db.yaml:10)</code><br>denied by <code>shop/db-next</code> | <code>0123456789ab</code> |

    Each of these was seen to pass. To keep one, add a rule for its ports to the policy that denies it: with the peer under *from* where that policy selects the pods under *to*, else the other way round.

    </details>

    <details><summary>isolation (1): pods that become isolated, or are no longer</summary>

    | change | policies | id |
    | --- | --- | --- |
    | <code>shop/db becomes isolated for ingress; nothing stays allowed; closed without having been seen: 8 connections</code> | isolated by <code>shop/db-next</code> | <code>1123456789ab</code> |

    </details>

    <details><summary>opens (1): newly allowed, and never seen</summary>

    | from | to | ports | seen | policies | id |
    | --- | --- | --- | --- | --- | --- |
    | <code>shop/web, shop/api</code> | <code>everyone outside</code> | <code>443/TCP, 8000-8100/UDP</code> |  | was denied by <code>shop/a</code>, <code>shop/b</code>, <code>shop/c</code><br>allowed by <code>shop/a</code>, <code>shop/b</code>, <code>shop/c</code>, <code>shop/d</code> and 2 more | <code>2123456789ab</code> |

    </details>

    <details><summary>needed (1): newly allowed, as it was seen</summary>

    | from | to | ports | seen | policies | id |
    | --- | --- | --- | --- | --- | --- |
    | <code>shop/api</code> | <code>shop/db</code> | <code>5432/TCP</code> | 1 flow |  | <code>3123456789ab</code> |

    </details>

    <details><summary>tightens (1): no longer allowed, and never seen</summary>

    | from | to | ports | seen | policies | id |
    | --- | --- | --- | --- | --- | --- |
    | <code>everyone</code> | <code>shop/web</code> | <code>all ports</code> |  |  | <code>4123456789ab</code> |

    </details>

    <details><summary>objects: 1 created, 1 changed, 1 deleted, 1 unchanged</summary>

    | object | action | where | rules |
    | --- | --- | --- | --- |
    | <code>shop/db</code> | deleted | <code>policies/db.yaml:1</code> |  |
    | <code>shop/db-next</code> | created |  |  |
    | <code>shop/web</code> | changed | <code>policies/web.yaml:1</code> | <code>policyTypes:</code><br><code>- - Ingress</code><br><code>+ - Egress</code> |

    </details>

    <details><summary>stale (2): managed grants that this traffic lacks</summary>

    | policy | direction | peer | ports | fate |
    | --- | --- | --- | --- | --- |
    | <code>shop/web</code> | egress | <code>shop/old</code> | <code>80/TCP</code> | kept |
    | <code>shop/web</code> | ingress | <code>shop/gone</code> | <code>81/TCP</code> | removed |

    </details>

    <details><summary>not compared: 1 policy of kinds that are not evaluated</summary>

    - <code>CiliumNetworkPolicy shop/l7</code>

    </details>
    "
  `)
})

test('a diff without a difference is a heading', () => {
  expect(diffToMarkdown(emptyDiff)).toBe(
    '### netweir: no difference in meaning; 1 connection unchanged\n',
  )
})

test('text from outside never acts as Markdown or HTML', () => {
  const text = diffToMarkdown(hostileDiff)
  expect(text).not.toMatch(obeyed)
  const tags = text.match(/<[^>]*>/g) ?? []
  expect(new Set(tags)).toEqual(
    new Set([
      '<details>',
      '<details open>',
      '</details>',
      '<summary>',
      '</summary>',
      '<code>',
      '</code>',
      '<br>',
    ]),
  )
  expect(text.match(/<details/g)).toHaveLength(text.match(/<\/details>/g)!.length)
  expect(text).not.toMatch(/`|@team|:\/\//)
  // Every row of a table has the columns of its head.
  const columns = text.split('\n').map((line) => line.split('|').length)
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('|') && text.split('\n')[index - 1]?.startsWith('|')) {
      expect(columns[index]).toBe(columns[index - 1])
    }
  }
})

function repeated(count: number): PolicyDiff {
  return {
    ...exampleDiff,
    changes: Array.from({ length: count }, (_, index) => ({
      ...exampleDiff.changes[index % 5]!,
      from: `shop/workload-${index}`,
    })).sort((a, b) => (a.section < b.section ? -1 : 1)),
    objects: [
      {
        policy: 'shop/web',
        action: 'changed',
        rules: Array.from({ length: 65 }, (_, index) => `+ ${index}`),
      },
    ],
    stale: Array.from({ length: count }, () => exampleDiff.stale[0]!),
    notCompared: Array.from({ length: count }, (_, index) => `CiliumNetworkPolicy shop/${index}`),
  }
}

test.each([10, 100, 300, 5000])('with %i changes it stays short enough to be posted', (count) => {
  const text = diffToMarkdown(repeated(count))
  expect(text.length).toBeLessThanOrEqual(maxMarkdownLength)
  const rows = text.split('\n').filter((line) => line.startsWith('| <code>')).length
  const isWhole = count <= 100
  expect(rows > 2 * count).toBe(isWhole)
  expect(text.includes('**Shortened:**')).toBe(!isWhole)
  expect(text).toContain('details open')
  expect(text.match(/<details/g)).toHaveLength(text.match(/<\/details>/g)!.length)
})

test('what is left out is counted, part by part', () => {
  const text = diffToMarkdown(repeated(5000))
  const shown = text.split('\n').filter((line) => /^[|-] <code>/.test(line)).length
  const note = text.split('\n').at(-2)!
  expect(note).toMatch(/^\*\*Shortened:\*\* .* left out; the JSON output has all of them\.$/)
  const leftOut = [...note.matchAll(/([\d,]+) of /g)].map((match) =>
    Number(match[1]!.replaceAll(',', '')),
  )
  // Changes, one object, stale grants, and policies that are not compared.
  expect(shown + leftOut.reduce((sum, count) => sum + count, 0)).toBe(5000 + 1 + 5000 + 5000)
})

test('a long list of rules is shortened', () => {
  expect(diffToMarkdown(repeated(1))).toContain('and 5 more lines')
})
