// Which part of the map is looked at.
import { byId, places, state } from './data.js'

export const svg = byId('map')

let box = svg.getAttribute('viewBox').split(' ').map(Number)

export function boxNow() {
  return box
}

export function setBox(next) {
  box = next
  svg.setAttribute('viewBox', box.map((value) => Math.round(value * 10) / 10).join(' '))
}

export function zoom(factor, at) {
  const [x, y, width, height] = box
  const [middleX, middleY] = at ?? [x + width / 2, y + height / 2]
  if (width * factor < 40 || width * factor > 200000) return
  setBox([
    middleX - (middleX - x) * factor,
    middleY - (middleY - y) * factor,
    width * factor,
    height * factor,
  ])
}

export function move(right, down) {
  const [x, y, width, height] = box
  setBox([x + width * right, y + height * down, width, height])
}

export function showAll() {
  setBox(byId(`view-${state.view}`).dataset.box.split(' ').map(Number))
}

/** Shows some ends, with room around them. */
export function frame(ids) {
  const shown = ids.map((id) => places[id]).filter(Boolean)
  if (shown.length === 0) return
  const left = Math.min(...shown.map(({ x }) => x)) - 60
  const top = Math.min(...shown.map(({ y }) => y)) - 60
  const right = Math.max(...shown.map(({ x, width }) => x + width)) + 60
  const bottom = Math.max(...shown.map(({ y, height }) => y + height)) + 60
  setBox([left, top, Math.max(right - left, 420), Math.max(bottom - top, 260)])
}

/** Returns where on the map an event is. */
export function pointOf(event) {
  const point = new DOMPoint(event.clientX, event.clientY)
  const { x, y } = point.matrixTransform(svg.getScreenCTM().inverse())
  return [x, y]
}

export function show(view) {
  state.view = view
  for (const one of svg.querySelectorAll('.view')) {
    one.classList.toggle('off', one.id !== `view-${view}`)
  }
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', String(button.dataset.view === view))
  }
  showAll()
}
