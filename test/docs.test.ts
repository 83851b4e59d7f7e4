import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command, Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { main } from '../src/cli/main.ts'
import { createProgram } from '../src/cli/program.ts'
import {
  errorCodes,
  exitCodeOf,
  findingCodes,
  lintCodes,
  lintPolicies,
  lintRules,
  lintSeverities,
  outcomes,
  sections,
  wideningReasons,
} from '../src/index.ts'
import { readManifests } from '../src/policy/manifest.ts'
import { readPoliciesTolerantly } from '../src/policy/tolerant.ts'
import { root } from './support/built.ts'
import { createFakeIo } from './support/fake-io.ts'
import { makeTraffic } from './support/traffic.ts'

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const ignore = (): undefined => undefined
const program = createProgram({ onCommand: ignore, writeOut: ignore, writeErr: ignore })

/** Text of the section under a heading, up to the next heading of the same or a higher level. */
function section(text: string, heading: string): string {
  const level = heading.split(' ')[0]?.length ?? 0
  const begin = text.indexOf(`\n${heading}\n`)
  if (begin < 0) throw new Error(`no section "${heading}"`)
  const rest = text.slice(begin + heading.length + 2)
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'))
  return end < 0 ? rest : rest.slice(0, end)
}

/** Headings of a level, in order. */
function headings(text: string, level: number): readonly string[] {
  return [...text.matchAll(new RegExp(`^#{${level}} (.*)$`, 'gm'))].map((match) => match[1] ?? '')
}

/** Rows of all tables of a text, without their heads. */
function rows(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/^\| *([^|\n].*)\|$/gm)]
    .map((match) => (match[1] ?? '').split('|').map((cell) => cell.trim()))
    .filter(([first]) => first?.startsWith('`') || /^\d+$/.test(first ?? ''))
}

describe('docs/cli.md', () => {
  const text = read('docs/cli.md')
  const flags = rows(section(text, '## Flags'))

  function optionsOf(command: Command): readonly Option[] {
    return command.createHelp().visibleOptions(command)
  }

  test('has a section for every command, and no other', () => {
    const names = headings(section(text, '## Commands'), 3)
    const expected = [...program.commands.map((command) => command.name()), 'help']
    expect(names).toEqual(expected.map((name) => `netweir ${name}`))
  })

  test.each(program.commands.map((command) => [command.name(), command] as const))(
    'has a row for every flag of %s, in the table of its group, with its choices',
    (name, command) => {
      for (const option of optionsOf(command)) {
        const group = (option.helpGroupHeading ?? 'Other:').replace(':', '')
        const found = rows(section(text, `### ${group}`)).filter(
          ([flag, commands]) =>
            flag === `\`${option.flags}\`` && commands?.split(', ').includes(name),
        )
        expect(found, `${option.flags} of ${name}`).toHaveLength(1)
        for (const value of option.argChoices ?? []) expect(found[0]?.[2]).toContain(`\`${value}\``)
        if (option.parseArg !== undefined) expect(found[0]?.[2]).toContain('Repeatable.')
      }
    },
  )

  test('names no flag that a command does not have', () => {
    const known = (name: string): readonly string[] => {
      const command = name === '' ? program : program.commands.find((each) => each.name() === name)
      return command === undefined ? [] : optionsOf(command).map((option) => `\`${option.flags}\``)
    }
    for (const [flag = '', commands = ''] of flags) {
      for (const name of commands.split(', '))
        expect(known(name), `${flag} of ${name}`).toContain(flag)
    }
    expect(flags.length).toBeGreaterThan(30)
  })

  test('has every exit code', () => {
    const codes = rows(section(text, '## Exit codes')).map(([code]) => Number(code))
    const failures = errorCodes.map((code): number => exitCodeOf(code))
    expect(codes).toEqual([...new Set([0, 1, ...failures])].sort((a, b) => a - b))
  })
})

describe('docs/errors.md', () => {
  const text = read('docs/errors.md')

  test('has a section for every code, in the order of the list', () => {
    expect(headings(text, 2)).toEqual([...errorCodes])
  })

  test.each(errorCodes)('says what %s means, with an example and what to do', (code) => {
    const paragraphs = section(text, `## ${code}`).trim().split('\n\n')
    expect(paragraphs.length).toBeGreaterThanOrEqual(3)
    expect(paragraphs[1]).toMatch(/^```text\n/)
    if (code !== 'INTERNAL') expect(paragraphs[1]).toContain(`error[${code}]: `)
  })

  test('has the exit code of every code', () => {
    for (const row of rows(text)) {
      const named = [...(row[2] ?? '').matchAll(/`([A-Z_]+)`/g)].map((match) => match[1])
      const expected = errorCodes.filter((code) => String(exitCodeOf(code)) === row[0])
      if (named.length > 0) expect([...named].sort()).toEqual([...expected].sort())
    }
  })
})

describe('docs/policies.md and docs/flows.md', () => {
  test.each(findingCodes)('say what finding %s means', (code) => {
    expect(read('docs/policies.md')).toContain(`\`${code}\``)
  })

  test.each(wideningReasons)('say what a widening for %s is', (reason) => {
    expect(read('docs/policies.md')).toContain(`\`${reason}\``)
  })

  test('have every outcome, in the order of the list', () => {
    const listed = rows(section(read('docs/flows.md'), '## Outcomes')).map(([cell]) => cell)
    expect(listed).toEqual(outcomes.map((outcome) => `\`${outcome}\``))
  })
})

describe('docs/output.md', () => {
  const text = read('docs/output.md')

  /** Members of the interfaces of a contract, as their source names them. */
  function members(path: string, name: string): readonly string[] {
    const source = read(path)
    const begin = source.indexOf(`export interface ${name} {`)
    if (begin < 0) throw new Error(`no interface ${name}`)
    const body = source.slice(begin, source.indexOf('\n}\n', begin))
    return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] ?? '')
  }

  /** Members that the first column of the tables of a section names. */
  function documented(heading: string): readonly string[] {
    return rows(section(text, heading)).flatMap(([cell]) =>
      [...(cell ?? '').matchAll(/`(\w+)(?:\[\])?\??`/g)].map((match) => match[1] ?? ''),
    )
  }

  test.each([
    [
      '## CommunicationSet',
      'src/traffic/communication-set.ts',
      ['CommunicationSet', 'CommunicationRecord'],
    ],
    ['## PolicyDiff', 'src/diff/policy-diff.ts', ['PolicyDiff', 'Change']],
    ['## Guard rails', 'src/diff/rail-violation.ts', ['RailViolation']],
    [
      '## VerifyReport',
      'src/diff/verify-report.ts',
      [
        'VerifyReport',
        'CoveredShare',
        'DeniedEdge',
        'NearMiss',
        'PolicyUsage',
        'RuleUsage',
        'OverPermission',
        'Gate',
      ],
    ],
    [
      '## Confidence',
      'src/traffic/confidence.ts',
      ['Confidence', 'GroupConfidence', 'DirectionConfidence'],
    ],
    ['## Zones', 'src/traffic/zone-report.ts', ['ZoneReport', 'ZonePair', 'Crossing']],
    ['## Report', 'src/report/report-document.ts', ['Report']],
    ['## Map', 'src/report/service-map.ts', ['MapNode', 'MapEdge']],
    ['## Graph', 'src/report/graph-text.ts', ['GraphDocument']],
    ['## Explanation', 'src/diff/explanation.ts', ['Explanation', 'Answer', 'PathSide']],
    ['## LintReport', 'src/diff/lint-report.ts', ['LintReport', 'LintFinding']],
  ] as const)('%s names every member, in order', (heading, path, names) => {
    expect(documented(heading)).toEqual(names.flatMap((name) => members(path, name)))
  })

  test('names every section of a diff', () => {
    for (const name of sections) expect(section(text, '## PolicyDiff')).toContain(`\`${name}\``)
  })
})

describe('docs/lint.md', () => {
  const text = read('docs/lint.md')
  const example = (code: string): string =>
    /^```yaml\n(.*?)^```$/ms.exec(section(text, `### ${code}`))?.[1] ?? ''

  test('has a section for every code, under its severity, in the order of the list', () => {
    for (const severity of lintSeverities) {
      const codes = lintCodes.filter((code) => lintRules[code].severity === severity)
      const title = `## ${severity[0]?.toUpperCase()}${severity.slice(1)}s`
      expect(headings(section(text, title), 3)).toEqual(codes)
    }
  })

  test.each(lintCodes)('shows %s by an example in which it is found, and what to do', (code) => {
    expect(section(text, `### ${code}`)).toMatch(/\n\*\*What to do:\*\* [^\n]{10,}/)
    const traffic = makeTraffic(
      ['shop/app=web', 'shop/app=api', 'kube-system/k8s-app=kube-dns'],
      [],
    )
    const yaml = code === 'NOT_DECIDED' ? manyKeys() : example(code)
    const report = lintPolicies({
      ...readPoliciesTolerantly(readManifests(yaml, 'example.yaml')),
      knowledge: { traffic, portsOf: () => [{ name: 'http', protocol: 'TCP', port: 8080 }] },
      ranges: { pods: ['10.244.0.0/16'], services: [], nodes: [] },
    })
    expect(report.findings.map((finding) => finding.code)).toContain(code)
  })

  /** As many policies as it takes, each on a key of its own as in the example. */
  function manyKeys(): string {
    const one = example('NOT_DECIDED')
    return Array.from({ length: 13 }, (_, index) => one.replaceAll('key-1', `key-${index}`)).join(
      '---\n',
    )
  }
})

test('docs/guard-rails.md shows what the sample gives', async () => {
  const text = read('docs/guard-rails.md')
  const shown = /^```text\n(1 guard rail violation.*?)^```$/ms.exec(text)?.[1]
  const io = createFakeIo()
  const policies = 'samples/shop/policies'
  const flags = ['--inventory', 'samples/shop/inventory.yaml']
  const forbid = ['--forbid', 'samples/shop/guard-rails/forbid.yaml']
  const code = await main(['diff', '--old', policies, '--new', policies, ...flags, ...forbid], io)
  expect(code).toBe(1)
  expect(io.out.split('\n\n')[0]).toBe(shown?.trimEnd())
  const yaml = /^```yaml\n(.*?)^```$/ms.exec(text)?.[1]?.trimEnd() ?? 'nothing'
  const lines = read('samples/shop/guard-rails/forbid.yaml').replaceAll(/^ *#.*\n/gm, '')
  expect(lines.startsWith(yaml)).toBe(true)
})

test('links between documents lead somewhere', () => {
  const documents = [
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ]
  for (const document of documents) {
    for (const match of read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
      const target = join(dirname(document), match[1] ?? '')
      expect(existsSync(join(root, target)), `${document} links to ${target}`).toBe(true)
    }
  }
})
