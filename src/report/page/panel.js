// What is known of the selected workload or line. Everything is written as text, never as markup.
import {
  byId,
  changeOf,
  confidenceOf,
  isolationOf,
  isPassing,
  pairs,
  paths,
  policiesOf,
  report,
  state,
  workloadOf,
} from './data.js'
import { filter, nodeElements, rows } from './filter.js'
import { markLines } from './lines.js'

export const panel = byId('panel')

/** Connections that are listed of one workload. */
const maxListed = 200

export function select(selection) {
  state.selection = selection
  for (const element of nodeElements.values()) element.classList.remove('selected')
  for (const { row, pair } of rows) {
    row.classList.toggle('selected', pair !== undefined && pair === selection?.pair)
  }
  if (paths === undefined) markLines()
  else filter()
  panel.replaceChildren()
  if (selection?.node !== undefined) {
    nodeElements.get(selection.node)?.classList.add('selected')
    showNode(selection.node)
  } else if (selection?.pair !== undefined) showPair(selection.pair)
  else {
    const hint = 'Choose a workload or a line of the map to see its evidence and its policy.'
    panel.append(element('h3', 'Nothing selected'), element('p', hint, { class: 'dim' }))
  }
  panel.scrollTop = 0
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

function link(text, selection) {
  const button = element('button', text, { type: 'button', class: 'link' })
  button.addEventListener('click', () => select(selection))
  return button
}

function list(terms) {
  const made = element('dl')
  for (const [term, value] of terms) {
    if (value === undefined || value === '') continue
    made.append(element('dt', term), element('dd', String(value)))
  }
  return made
}

function percent(chance) {
  return chance > 0 && chance < 0.001 ? '< 0.1 %' : `${Math.round(chance * 1000) / 10} %`
}

function addressesText({ first, count }) {
  const more = count - first.length
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function showNode(id) {
  const end = report.ends[id]
  const workload = workloadOf.get(id)
  panel.append(
    element('h3', end.name),
    list([
      ['kind', end.kind],
      ['namespace', end.namespace],
      ['zone', end.zone],
      ['controllers', workload?.workloads.join(', ')],
      ['pods', workload?.pods],
      ['addresses', end.addresses === undefined ? undefined : addressesText(end.addresses)],
      ['labels', workload?.labels.map((labels) => labels.join(', ')).join(' | ')],
    ]),
  )
  for (const { message } of isolationOf.get(end.name) ?? []) panel.append(element('p', message))
  const group = confidenceOf.get(end.name)
  if (group !== undefined) showConfidence(group)
  showConnections('Lets in', id, 'to', 'from')
  showConnections('Connects to', id, 'from', 'to')
  const policies = workload?.policies ?? []
  for (const name of policies) showPolicies(name, policies.length === 1)
}

const verdicts = { ready: 'ready', watching: 'keep watching', insufficient: 'insufficient' }

function showConfidence(group) {
  const more =
    group.verdict !== 'ready' && group.moreDays > 0 ? ` (about ${group.moreDays} more days)` : ''
  const bound = ({ events, nextConnection }) =>
    events === 0 ? 'nothing seen' : `at most ${percent(nextConnection.upper)} (n=${events})`
  const tomorrow = Math.max(group.ingress.newEdgeTomorrow.upper, group.egress.newEdgeTomorrow.upper)
  panel.append(
    element('h4', 'Watched for long enough?'),
    list([
      ['verdict', `${verdicts[group.verdict]}${more}`],
      ['next ingress is new', bound(group.ingress)],
      ['next egress is new', bound(group.egress)],
      ['new edge tomorrow', `at most ${percent(tomorrow)}`],
      ['rollouts seen', group.starts ?? 'pods do not show them'],
    ]),
  )
}

function showConnections(title, id, own, other) {
  const found = [...pairs.keys()].filter((index) => pairs[index][own] === id)
  if (found.length === 0) return
  const items = element('ul')
  for (const index of found.slice(0, maxListed)) {
    const pair = pairs[index]
    const ports = [...new Set(pair.edges.map((edge) => report.edges[edge].port))]
    const more = ports.length > 5 ? ', ...' : ''
    const word = pair.state === 'dropped' ? 'denied or unclear' : pair.state
    const note = pair.state === 'allowed' ? '' : ` (${word})`
    const item = element('li')
    const name = report.ends[pair[other]].name
    item.append(link(name, { pair: index }), ` ${ports.slice(0, 5).join(', ')}${more}${note}`)
    items.append(item)
  }
  panel.append(element('h4', `${title} (${found.length})`), items)
  const left = found.length - maxListed
  if (left > 0) panel.append(element('p', `and ${left} more`, { class: 'dim' }))
}

function showPolicies(name, isOpen) {
  for (const { policy, origin, at, yaml } of policiesOf.get(name) ?? []) {
    const details = element('details')
    details.open = isOpen
    const place = at === undefined ? '' : `, ${at}`
    details.append(element('summary', `Policy ${policy} (${origin}${place})`), element('pre', yaml))
    panel.append(details)
  }
}

function showPair(index) {
  const pair = pairs[index]
  const heading = element('h3')
  const [from, to] = [pair.from, pair.to].map((id) => link(report.ends[id].name, { node: id }))
  heading.append(from, ' \u2192 ', to)
  panel.append(heading)
  for (const change of pair.changes.map((one) => report.changes[one])) {
    const message = changeOf.get(change.id)?.message ?? change.ports.join(', ')
    panel.append(element('p', `${change.section}: ${message}`))
  }
  const edges = pair.edges.map((one) => report.edges[one])
  for (const edge of edges) showEdge(edge)
  const names = edges.flatMap((edge) => (edge.allowedBy ?? []).map(({ policy }) => policy))
  for (const name of new Set(names)) showPolicies(name, false)
}

function stateText(edge) {
  if (!isPassing(edge)) return edge.outcome
  return edge.decision === undefined ? 'seen' : `seen, ${edge.decision}`
}

function showEdge(edge) {
  const says = (count) => (count === undefined ? undefined : `${count} records say so`)
  panel.append(
    element('h4', edge.port),
    list([
      ['state', stateText(edge)],
      ['usually', edge.clearText === undefined ? undefined : `${edge.clearText}, in clear text`],
      ['encrypted', says(edge.encrypted)],
      ['authenticated', says(edge.authenticated)],
      ['flows', edge.flows],
      ['records', edge.records],
      ['first', edge.first],
      ['last', edge.last],
      ['active in', `${edge.blocks} blocks of five minutes`],
      ['samples', edge.samples.join(', ')],
      ['denied by', (edge.deniedBy ?? []).join(', ')],
    ]),
  )
  if (edge.allowedBy === undefined) return
  const items = element('ul')
  for (const { policy, direction, rule, at } of edge.allowedBy) {
    const place = at === undefined ? '' : ` (${at})`
    items.append(element('li', `allowed by ${policy} ${direction}[${rule}]${place}`))
  }
  panel.append(items)
}
