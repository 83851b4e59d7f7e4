import type { Progress } from '../index.ts'
import { escapeText } from '../index.ts'
import type { Io } from './io.ts'

const eraseLine = '\r\u001b[2K'
const intervalMs = 100

/** One line on a terminal that says how far reading has come. */
export interface ProgressLine {
  /** Draws the line anew, at most ten times a second. */
  show(progress: Progress): void
  /** Resolves when the line is gone, so that other text can stand in its place. */
  clear(): Promise<void>
}

/** Returns a progress line on standard error, which stays empty where that is no terminal or `isWanted` is false. */
export function createProgressLine(
  io: Pick<Io, 'stderr' | 'now'>,
  options: { readonly isWanted: boolean },
): ProgressLine {
  if (!options.isWanted || !io.stderr.isTty) {
    return { show: () => undefined, clear: () => Promise.resolve() }
  }
  let writing = Promise.resolve()
  let isDrawn = false
  let drawnMs = Number.NEGATIVE_INFINITY
  let begin: { readonly source: string; readonly atMs: number; readonly bytes: number } | undefined
  const pace = createPace()
  const write = (text: string): void => {
    // A terminal that went away must not end the run.
    writing = writing.then(() => io.stderr.write(text)).catch(() => undefined)
  }
  return {
    show: (progress) => {
      const nowMs = io.now()
      if (begin === undefined || begin.source !== progress.source) {
        begin = { source: progress.source, atMs: nowMs, bytes: progress.bytes }
      }
      if (progress.live !== undefined) pace.see(progress, nowMs)
      if (nowMs - drawnMs < intervalMs) return
      drawnMs = nowMs
      isDrawn = true
      if (progress.live !== undefined) {
        write(eraseLine + liveText(progress, pace.at(nowMs), io.stderr.columns ?? 80))
        return
      }
      const bytesPerMs = (progress.bytes - begin.bytes) / Math.max(nowMs - begin.atMs, 1)
      write(eraseLine + progressText(progress, bytesPerMs, io.stderr.columns ?? 80))
    },
    clear: () => {
      if (isDrawn) write(eraseLine)
      isDrawn = false
      drawnMs = Number.NEGATIVE_INFINITY
      return writing
    },
  }
}

/** Returns the words of a progress line, no longer than `columns` less one, so that it never wraps. */
export function progressText(progress: Progress, bytesPerMs: number, columns: number): string {
  const { bytes, totalBytes, records } = progress
  const figures = [
    ...(totalBytes === undefined || totalBytes === 0 ? [] : [percent(bytes, totalBytes)]),
    bytesText(bytes),
    ...(bytesPerMs > 0 ? [`${bytesText(bytesPerMs * 1000)}/s`] : []),
    `${records} records`,
    ...(totalBytes === undefined || bytesPerMs <= 0
      ? []
      : [`${durationText((totalBytes - bytes) / bytesPerMs)} left`]),
  ].join('  ')
  return lineText('reading', progress.source, figures, columns)
}

/** How fast a live source gives records, and since when it has shown nothing new. */
export interface Pace {
  readonly recordsPerSecond: number
  /** Absent before the first communication. */
  readonly sinceNewEdgeMs?: number
}

/** How long records are counted for a rate. */
const paceMs = 10_000

function createPace(): {
  see(progress: Progress, nowMs: number): void
  at(nowMs: number): Pace
} {
  let begin: { readonly atMs: number; readonly records: number } | undefined
  let last = { atMs: 0, records: 0 }
  let recordsPerSecond = 0
  let edges = 0
  let newEdgeMs: number | undefined
  return {
    see: (progress, nowMs) => {
      last = { atMs: nowMs, records: progress.records }
      begin ??= last
      if (nowMs > begin.atMs) {
        recordsPerSecond = ((last.records - begin.records) * 1000) / (nowMs - begin.atMs)
      }
      if (nowMs - begin.atMs > paceMs) begin = last
      const before = edges
      edges = progress.edges ?? 0
      if (edges > before) newEdgeMs = nowMs
    },
    at: (nowMs) => ({
      recordsPerSecond,
      ...(newEdgeMs === undefined ? {} : { sinceNewEdgeMs: nowMs - newEdgeMs }),
    }),
  }
}

/** Returns the words of the line of a live source, no longer than `columns` less one. */
export function liveText(progress: Progress, pace: Pace, columns: number): string {
  const { records, edges, live } = progress
  const { lostEvents = 0, members, missing = 0, lag, isDown = false } = live ?? {}
  const { sinceNewEdgeMs } = pace
  const figures = [
    ...(isDown ? ['connection lost'] : []),
    `${records} records`,
    `${Math.round(pace.recordsPerSecond)}/s`,
    ...(edges === undefined ? [] : [edgesText(edges, sinceNewEdgeMs)]),
    ...(lag === undefined ? [] : [`${lag} to go`]),
    ...(lostEvents === 0 ? [] : [`${lostEvents} lost`]),
    ...(members === undefined
      ? []
      : [missing === 0 ? `${members} nodes` : `${members - missing} of ${members} nodes`]),
  ].join('  ')
  return lineText('watching', progress.source, figures, columns)
}

function edgesText(edges: number, sinceNewMs: number | undefined): string {
  const since = sinceNewMs === undefined ? '' : `, last new ${durationText(sinceNewMs)} ago`
  return `${edges} edges${since}`
}

function lineText(verb: string, source: string, figures: string, columns: number): string {
  const room = columns - 1 - verb.length - 1 - 2 - figures.length
  const name = escapeText(source)
  const shown = name.length <= room ? name : room < 4 ? '' : `...${name.slice(3 - room)}`
  return `${verb} ${shown}  ${figures}`.slice(0, columns - 1)
}

/** Returns a size in words: `640 B`, `1.5 MB`; units are powers of 1000. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = Math.max(bytes, 0)
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size.toFixed(unit === 0 || size >= 99.5 ? 0 : 1)} ${units[unit]}`
}

function percent(bytes: number, totalBytes: number): string {
  return `${Math.min(Math.floor((bytes / totalBytes) * 100), 100)}%`
}

function durationText(durationMs: number): string {
  const seconds = Math.ceil(Math.max(durationMs, 0) / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${seconds % 60}s`
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}
