/** An explanation as Markdown, made to be posted on a pull request or an issue. */
import type { Answer, Explanation, PathSide } from '../diff/explanation.ts'
import { evidenceLine, pathText } from './explain-text.ts'
import type { MarkdownPart } from './markdown-parts.ts'
import { code, fitParts, folded } from './markdown-parts.ts'
import { countOf, formatCount } from './style.ts'
import { notEvaluatedPart, rulesPart } from './verify-markdown.ts'
import { nearMissText } from './verify-words.ts'

/** Edges that a cell names. */
const maxEdges = 10

/**
 * Returns an explanation as GitHub-flavoured Markdown of bounded length. Text from outside is shown as it is and never
 * acts as Markdown, HTML or a mention.
 */
export function explanationToMarkdown(explanation: Explanation): string {
  const { answers, policies, notEvaluated } = explanation
  return fitParts(`### netweir: ${headline(explanation)}\n`, [
    ...(answers.length === 0 ? [] : [answersPart(answers)]),
    ...(policies.length === 0
      ? []
      : [rulesPart('evidence behind every rule', true, policies, () => true)]),
    ...notEvaluatedPart(notEvaluated),
  ])
}

function headline({ question, answers, leftOut, policies }: Explanation): string {
  if (question === undefined) {
    const unused = policies.reduce((sum, policy) => sum + policy.unusedGrants, 0)
    const names = [...new Set(policies.map(({ policy }) => code(policy)))].join(', ')
    return `${names}: ${countOf(unused, 'grant')} never used`
  }
  const denied = answers.filter((answer) => !answer.allowed).length
  const allowed = answers.length - denied
  const counts = [
    ...(allowed === 0 ? [] : [`${formatCount(allowed)} allowed`]),
    ...(denied === 0 ? [] : [`${formatCount(denied)} denied`]),
    ...(leftOut === 0 ? [] : [`${formatCount(leftOut)} not answered`]),
  ]
  const asked = `${question.from} -> ${question.to} ${question.port}`
  return `${code(asked)}: ${counts.join(', ')}`
}

function answersPart(answers: readonly Answer[]): MarkdownPart {
  return folded(
    'answers',
    `answers: ${countOf(answers.length, 'pair')} of ends`,
    true,
    ['from', 'to', 'port', 'answer', 'egress', 'ingress', 'seen'],
    answers.map((answer) => [
      code(answer.from),
      code(answer.to),
      code(answer.port),
      answer.allowed ? 'allowed' : '**denied**',
      sideCell(answer.egress),
      sideCell(answer.ingress),
      evidenceCell(answer),
    ]),
  )
}

function sideCell(side: PathSide): string {
  return [
    code(pathText(side)),
    ...side.closest.map((miss) => `closest: ${code(nearMissText(miss))}`),
  ].join('<br>')
}

function evidenceCell({ evidence }: Answer): string {
  if (evidence.length === 0) return 'never'
  const more = evidence.length - maxEdges
  return [
    ...evidence.slice(0, maxEdges).map((edge) => code(evidenceLine(edge))),
    ...(more > 0 ? [`and ${formatCount(more)} more`] : []),
  ].join('<br>')
}
