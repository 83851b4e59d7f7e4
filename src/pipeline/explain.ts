/** Answers questions about given policies, with recorded traffic as evidence where there is some. */
import { explainConnection, explainPolicy } from '../diff/explain.ts'
import { containerPorts } from './container-ports.ts'
import { withoutTraffic } from './diff.ts'
import { checkStdin, learnInput } from './learn.ts'
import { readPolicies } from './manifests.ts'
import type { ExplainOptions, ExplainResult, RunHost } from './pipeline.ts'
import { withServices } from './services.ts'

/**
 * Returns why the policies of `options.policies` allow or deny a connection, or what stands behind one of them.
 * @throws {NetweirError} `USAGE` for an end or a policy that is not known, and the codes of reading and manifests.
 */
export async function explain(
  sources: readonly string[],
  options: ExplainOptions,
  host: RunHost,
): Promise<ExplainResult> {
  checkStdin(sources, options.inventory, options.policies)
  const { policies, notices } = await readPolicies(options.policies, options, host)
  const known =
    sources.length > 0
      ? await learnInput(sources, options, host)
      : await withoutTraffic(options, host)
  const { traffic, inventory } = known
  const input = {
    policies: withServices(policies, inventory),
    traffic,
    portsOf: containerPorts(traffic, inventory),
    ...(inventory === undefined ? {} : { inventory }),
  }
  const { question } = options
  return {
    explanation:
      'policy' in question
        ? explainPolicy(input, question.policy)
        : explainConnection(input, question),
    notices: [...known.notices, ...notices],
  }
}
