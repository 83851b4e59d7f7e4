/** A state topic as a source: what a group learned together, as one communication set. */
import { NetweirError } from '../errors.ts'
import { setBytes } from '../traffic/set-bytes.ts'
import type { MaterialisedState } from '../traffic/state-table.ts'
import type { KafkaClient } from './kafka-client.ts'
import type {
  Completeness,
  OpenSource,
  Piece,
  SourceHost,
  SourceNotice,
  SourceProgress,
} from './source.ts'
import { isCompacted, readStateTopic } from './state-topic.ts'

/**
 * Opens a topic as a state topic, or returns undefined when it holds no state. What it holds is read here, to the end
 * that the topic has meanwhile.
 * @throws {NetweirError} `SET_INVALID` for a state that is damaged, `USAGE` for that of several groups, and what the
 * client fails with.
 */
export async function openStateTopic(
  name: string,
  topic: string,
  client: KafkaClient,
  host: SourceHost,
): Promise<OpenSource | undefined> {
  if (!(await isCompacted(client, topic))) return undefined
  const table = await readStateTopic(client, topic, { place: name, signal: host.aborted })
  const [group, ...others] = table.groups
  if (group === undefined) return undefined
  if (others.length > 0) {
    throw new NetweirError(
      'USAGE',
      `the topic holds what ${table.groups.length} groups learned: ${table.groups.slice(0, 5).join(', ')}`,
      { location: { file: name }, hint: 'give each group a state topic of its own' },
    )
  }
  return new StateSource(name, table.materialise(group), table.foreign)
}

class StateSource implements OpenSource {
  readonly name: string
  readonly pieces: AsyncIterable<readonly Piece[]>
  readonly #state: MaterialisedState
  readonly #foreign: number
  #bytes = 0

  constructor(name: string, state: MaterialisedState, foreign: number) {
    this.name = name
    this.#state = state
    this.#foreign = foreign
    this.pieces = this.#read()
  }

  progress(): SourceProgress {
    return { source: this.name, bytes: this.#bytes }
  }

  completeness(): Completeness {
    return { stopped: [], missing: [] }
  }

  notices(): readonly SourceNotice[] {
    const location = { file: this.name }
    const expired = this.#state.positions.reduce((sum, position) => sum + position.expired, 0)
    return [
      ...(expired === 0
        ? []
        : [{ message: `${expired} records were forgotten, older than the window`, location }]),
      ...(this.#foreign === 0
        ? []
        : [{ message: `${this.#foreign} records are no state, and were passed over`, location }]),
    ]
  }

  async *#read(): AsyncGenerator<readonly Piece[], void> {
    const bytes = setBytes(this.#state.set)
    this.#bytes = bytes.length
    yield [{ bytes, place: { source: this.name, offset: 0 }, encoding: 'text', end: 'whole' }]
  }
}
