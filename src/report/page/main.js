// What the page does when it is pointed at, typed into, or printed.
import { boxNow, frame, move, pointOf, setBox, show, showAll, svg, zoom } from './camera.js'
import { byId, isolationOf, pairs, report, state } from './data.js'
import { endsWith, fields, filter, nodeElements, rows } from './filter.js'
import { panel, select } from './panel.js'

/** Ends that a search frames. */
const maxFramed = 40

/** Opens a namespace or zone of an overview, or selects what was pointed at; false where there is nothing. */
function act(target) {
  const opened = target.closest('[data-open]')
  if (opened !== null) {
    open(opened.dataset.open)
    return true
  }
  const node = target.closest('[data-node]')
  const line = target.closest('[data-pair]')
  if (node !== null) select({ node: Number(node.dataset.node) })
  else if (line !== null) select({ pair: Number(line.dataset.pair) })
  return node !== null || line !== null
}

function open(name) {
  const isZone = state.view === 'zones'
  const field = isZone ? fields.zone : fields.namespace
  show('workloads')
  if ([...field.options].some((option) => option.value === name)) field.value = name
  filter()
  const ends = report.ends.filter((end) => (isZone ? end.zone : end.namespace) === name)
  frame(ends.map(({ id }) => id))
}

let drag

function dragTo(event) {
  if (drag === undefined || event.buttons === 0) return
  const [right, down] = [event.clientX - drag.x, event.clientY - drag.y]
  if (Math.hypot(right, down) < 5 && !drag.isMoving) return
  drag.isMoving = true
  svg.classList.add('dragging')
  const scale = svg.getScreenCTM().a
  const [x, y, width, height] = drag.box
  setBox([x - right / scale, y - down / scale, width, height])
}

svg.addEventListener('pointerdown', (event) => {
  drag = { x: event.clientX, y: event.clientY, box: boxNow(), isMoving: false }
})
svg.addEventListener('pointermove', dragTo)
window.addEventListener('pointerup', () => svg.classList.remove('dragging'))
svg.addEventListener('click', (event) => {
  if (drag?.isMoving === true) return
  if (!act(event.target)) select(undefined)
})

// The wheel scrolls the page unless the map is in use.
svg.addEventListener(
  'wheel',
  (event) => {
    const isInUse = svg.contains(document.activeElement)
    if (!(event.ctrlKey || event.metaKey || isInUse)) return
    event.preventDefault()
    zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, pointOf(event))
  },
  { passive: false },
)

const keys = {
  '+': () => zoom(1 / 1.25),
  '=': () => zoom(1 / 1.25),
  '-': () => zoom(1.25),
  0: showAll,
  ArrowLeft: () => move(-0.1, 0),
  ArrowRight: () => move(0.1, 0),
  ArrowUp: () => move(0, -0.1),
  ArrowDown: () => move(0, 0.1),
  Escape: () => select(undefined),
}

svg.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const isChoice = event.key === 'Enter' || event.key === ' '
  const isDone = isChoice ? act(event.target) : Object.hasOwn(keys, event.key)
  if (!isDone) return
  event.preventDefault()
  if (isChoice) panel.focus()
  else keys[event.key]()
})

function chooseRow(pair) {
  byId('map-section').scrollIntoView()
  if (state.view !== 'workloads') show('workloads')
  select({ pair })
  frame([pairs[pair].from, pairs[pair].to])
}

for (const { row, pair } of rows) {
  if (pair === undefined) continue
  row.addEventListener('click', () => chooseRow(pair))
  row.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') chooseRow(pair)
  })
}

for (const button of document.querySelectorAll('[data-view]')) {
  button.addEventListener('click', () => {
    show(button.dataset.view)
    filter()
  })
}

for (const field of Object.values(fields)) field?.addEventListener('input', filter)

fields.search.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return
  const found = endsWith(fields.search.value.trim().toLowerCase())
  if (found.length === 0) return
  show('workloads')
  select({ node: found[0] })
  filter()
  frame(found.slice(0, maxFramed))
})

byId('zoom-in').addEventListener('click', () => zoom(1 / 1.25))
byId('zoom-out').addEventListener('click', () => zoom(1.25))
byId('fit').addEventListener('click', showAll)
byId('clear').addEventListener('click', () => {
  for (const field of Object.values(fields)) if (field !== null) field.value = ''
  select(undefined)
  filter()
  showAll()
})

window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('main details')) details.open = true
  showAll()
})

for (const { id, name } of report.ends) {
  const isClosed = isolationOf.get(name)?.some(({ effect }) => effect === 'narrows')
  if (isClosed === true) nodeElements.get(id)?.classList.add('closes')
}

show(state.view)
filter()
document.documentElement.dataset.ready = 'yes'
