/** What was typed of kinds of policies, requests and patterns of names. */
import type { GenerateOptions, LearnOptions } from '../index.ts'
import { choices } from './options.ts'
import type { RawOptions } from './raw-options.ts'
import { choice, count, usage } from './typed-values.ts'

/** Returns the kinds of requests that are kept. @throws NetweirError `USAGE`. */
export function requestKinds({ l7 }: RawOptions): LearnOptions['l7'] {
  const asked = choice('--l7', l7, choices.l7)
  if (asked === undefined) return undefined
  return asked === 'all' ? ['http', 'dns'] : [asked]
}

/** Returns the kinds of policies; some flags make no sense for NetworkPolicies alone. @throws NetweirError `USAGE`. */
export function resolveKinds(raw: RawOptions): GenerateOptions['target'] {
  const kinds = choice('--target', raw.target, choices.target)
  if (kinds === 'cilium' || kinds === 'hybrid') return kinds
  const flags = [
    ...(raw.l7 === undefined ? [] : ['--l7']),
    ...(raw.namePatterns === undefined ? [] : ['--name-patterns']),
    ...(raw.defaultDeny === 'clusterwide' ? ['--default-deny clusterwide'] : []),
  ]
  const [flag] = flags
  if (flag === undefined) return kinds
  throw usage(
    `${flag} is for policies of Cilium: no NetworkPolicy can say it`,
    'add --target cilium or --target hybrid',
  )
}

/** Returns how many names make a pattern. @throws NetweirError `USAGE`. */
export function namePatterns(raw: RawOptions): number | undefined {
  const least = count('--name-patterns', raw.namePatterns, 'names')
  if (least === undefined || least >= 2) return least
  throw usage(`--name-patterns must be at least 2 names, is "${raw.namePatterns}"`)
}
