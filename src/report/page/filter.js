// Search and filters: what of the map and of the tables is shown.
import { svg } from './camera.js'
import { byId, isPassing, pairs, paths, report, state, workloadOf } from './data.js'
import { drawLines } from './lines.js'

export const fields = {
  search: byId('search'),
  namespace: byId('filter-namespace'),
  zone: byId('filter-zone'),
  state: byId('filter-state'),
}

export const nodeElements = new Map(
  [...svg.querySelectorAll('[data-node]')].map((node) => [Number(node.dataset.node), node]),
)

/** Rows of tables that speak of ends, or of a line. */
export const rows = [...document.querySelectorAll('tr[data-ends]')].map((row) => ({
  row,
  ends: row.dataset.ends.split(' ').map(Number),
  pair: row.dataset.pair === undefined ? undefined : Number(row.dataset.pair),
  text: row.textContent.toLowerCase(),
}))

const endTexts = report.ends.map((end) => {
  const { labels = [], policies = [] } = workloadOf.get(end.id) ?? {}
  const addresses = end.addresses?.first ?? []
  const parts = [end.name, end.zone ?? '', ...addresses, ...labels.flat(), ...policies]
  return parts.join('\n').toLowerCase()
})

const pairTexts = pairs.map(({ edges, changes }) => {
  const seen = edges.map((index) => {
    const { port, clearText = '', outcome } = report.edges[index]
    return `${port} ${clearText} ${outcome}`
  })
  const changed = changes.map((index) => report.changes[index].ports.join(' '))
  return [...seen, ...changed].join('\n').toLowerCase()
})

/** Returns the ends whose name, zone, label, address or policy has the text in it. */
export function endsWith(text) {
  if (text === '') return []
  return [...report.ends.keys()].filter((id) => endTexts[id].includes(text))
}

function wishes() {
  const text = fields.search.value.trim().toLowerCase()
  const wish = {
    text,
    namespace: fields.namespace.value,
    zone: fields.zone?.value ?? '',
    state: fields.state.value,
  }
  return { ...wish, isFiltered: Object.values(wish).some((value) => value !== '') }
}

function isPlace(id, { namespace, zone }) {
  const end = report.ends[id]
  return (namespace === '' || end.namespace === namespace) && (zone === '' || end.zone === zone)
}

const stateTests = {
  allowed: (edge) => edge.decision === 'allowed',
  denied: (edge) => edge.decision === 'denied',
  dropped: (edge) => !isPassing(edge),
  clear: (edge) => edge.clearText !== undefined && isPassing(edge),
}

function isOfState(pair, wanted) {
  if (wanted === '') return true
  if (wanted === 'change') return pair.changes.length > 0
  return pair.edges.some((index) => stateTests[wanted](report.edges[index]))
}

function isPairShown(index, direct, wish) {
  const pair = pairs[index]
  const isAt = direct.has(pair.from) || direct.has(pair.to)
  const isByPort =
    wish.text !== '' &&
    pairTexts[index].includes(wish.text) &&
    (isPlace(pair.from, wish) || isPlace(pair.to, wish))
  return (isAt || isByPort) && isOfState(pair, wish.state)
}

export function filter() {
  const wish = wishes()
  const named = wish.text === '' ? undefined : new Set(endsWith(wish.text))
  const direct = new Set(
    [...report.ends.keys()].filter((id) => isPlace(id, wish) && (named?.has(id) ?? true)),
  )
  const shown = new Set([...pairs.keys()].filter((index) => isPairShown(index, direct, wish)))
  const near = new Set([...shown].flatMap((index) => [pairs[index].from, pairs[index].to]))
  const isVisible = (id) =>
    !wish.isFiltered || near.has(id) || (wish.state === '' && direct.has(id))
  for (const [id, node] of nodeElements) node.classList.toggle('faint', !isVisible(id))
  drawLines(shown, wish.isFiltered)
  const count = filterRows({ wish, shown, direct, isVisible })
  byId('hint').textContent = hintOf(
    wish,
    `${direct.size} ends, ${shown.size} lines and ${count} communications match.`,
  )
}

/** Returns how many communications are shown. */
function filterRows({ wish, shown, direct, isVisible }) {
  let count = 0
  for (const { row, ends, pair, text } of rows) {
    const isNamed = () =>
      wish.text === '' || text.includes(wish.text) || ends.some((id) => direct.has(id))
    const isShown = pair === undefined ? ends.some(isVisible) : shown.has(pair) && isNamed()
    row.hidden = wish.isFiltered && !isShown
    if (!row.hidden && pair !== undefined) count += 1
  }
  return count
}

function hintOf({ isFiltered }, matches) {
  if (isFiltered) return matches
  return paths === undefined || state.view !== 'workloads'
    ? ''
    : 'Search, filter, or choose a workload to draw its connections.'
}
