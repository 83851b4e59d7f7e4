// The lines of the map: those that stand in the page, or, of a large map, those that are asked for.
import { svg } from './camera.js'
import { byId, pairs, paths, report, state } from './data.js'

/** More lines than this at once show nothing. */
const maxDrawn = 2500

const elements = new Map(
  [...svg.querySelectorAll('[data-pair]')].map((line) => [Number(line.dataset.pair), line]),
)

export function drawLines(shown, isFiltered) {
  if (paths === undefined) {
    for (const [index, line] of elements) line.classList.toggle('faint', !shown.has(index))
  } else {
    redraw(new Set([...(isFiltered ? shown : []), ...selectedPairs()]))
  }
  markLines()
}

/** Marks the lines that the selection is about. */
export function markLines() {
  const { selection } = state
  const near = new Set(selectedPairs())
  svg.classList.toggle('focused', near.size > 0)
  for (const [index, line] of elements) {
    line.classList.toggle('near', near.has(index))
    line.classList.toggle('selected', selection?.pair === index)
  }
}

function selectedPairs() {
  const { node, pair } = state.selection ?? {}
  if (pair !== undefined) return [pair]
  if (node === undefined) return []
  return [...pairs.keys()].filter((index) => {
    const { from, to } = pairs[index]
    return from === node || to === node
  })
}

function redraw(wanted) {
  const group = byId('lines')
  group.replaceChildren()
  elements.clear()
  if (wanted.size > maxDrawn) return
  for (const index of wanted) {
    const line = lineOf(index)
    elements.set(index, line)
    group.append(line)
  }
}

function lineOf(index) {
  const { from, to, state: kind } = pairs[index]
  const line = shape('g', {
    class: `line ${kind}`,
    'data-pair': index,
    tabindex: 0,
    role: 'button',
    'aria-label': `${report.ends[from].name} to ${report.ends[to].name}`,
  })
  line.append(
    shape('path', { class: 'hit', d: paths[index] }),
    shape('path', { d: paths[index], 'marker-end': `url(#arrow-${kind})` }),
  )
  return line
}

function shape(name, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
