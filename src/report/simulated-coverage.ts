/**
 * How often the bounds of confidence hold: what a simulation found, with a fixed seed. Its test
 * (`test/properties/confidence.test.ts`) makes the figures anew and compares each of them.
 */

/** One size of a recording. */
export interface SimulatedSize {
  /** Events that are expected of all edges together. */
  readonly events: number
  /** Recordings that were made up. */
  readonly runs: number
  /** Those of which the truth was at or below the bound. */
  readonly held: number
}

/** One way in which edges differ in how busy they are. */
export interface SimulatedCoverage {
  readonly distribution: string
  readonly sizes: readonly SimulatedSize[]
}

/** Percent of recordings in which the bounds are made to hold. */
export const nominalCoverage = 95

/** Edges of every recording. */
export const simulatedEdges = 200

const events = [30, 100, 300, 1000, 3000, 10_000]

function simulated(
  distribution: string,
  held: readonly number[],
  runsOf = (_events: number): number => 2000,
): SimulatedCoverage {
  return {
    distribution,
    sizes: events.map((count, index) => {
      return { events: count, runs: runsOf(count), held: held[index] ?? 0 }
    }),
  }
}

/** Bursts are made flow by flow, and cost fifty times as much. */
export const simulatedCoverage: readonly SimulatedCoverage[] = [
  simulated('uniform', [1998, 1982, 1911, 1883, 2000, 2000]),
  simulated('linear', [1995, 1963, 1914, 1898, 1919, 1925]),
  simulated('Zipf 0.8', [1984, 1965, 1944, 1911, 1893, 2000]),
  simulated('Zipf 1.0', [1979, 1958, 1924, 1907, 1916, 1992]),
  simulated('Zipf 1.5', [1951, 1925, 1921, 1901, 1912, 1892]),
  simulated('geometric', [1977, 1924, 1917, 1901, 1906, 1903]),
  simulated('two levels, hot and cold', [1954, 1925, 1922, 1894, 1898, 1941]),
  simulated('bursty', [594, 580, 572, 574, 59, 59], (count) => (count > 1000 ? 60 : 600)),
]
