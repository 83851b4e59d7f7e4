/** Recorded lines, changed at random but the same for the same seed: some stay valid JSON, some do not. */
const { createRandom }: { createRandom(seed: number): () => number } = await import(
  new URL('../bench/random.mjs', import.meta.url).href
)

/** Values that are put in place of others. */
const words: readonly unknown[] = [
  ...[
    'FORWARDED',
    'DROPPED',
    'REDIRECTED',
    'AUDIT',
    'TRACED',
    'ERROR',
    'POLICY_DENIED',
    'POLICY_DENY',
  ],
  ...['INGRESS', 'EGRESS', 'TO_ENDPOINT', 'FROM_ENDPOINT', 'TO_PROXY', 'NEW', 'REPLY', 'RELATED'],
  ...['REQUEST', 'RESPONSE', 'L7', 'SOCK', 'L3_L4', 'SPIRE', 'web', 'default', ''],
  ...[
    '10.244.1.31',
    '169.254.42.1',
    '::ffff:10.244.1.31',
    '2001:db8:0::1',
    '010.0.0.1',
    '203.0.113.7',
  ],
  ...[
    '2025-06-12T09:14:01Z',
    '2025-06-12T09:14:01.5+02:00',
    '2024-02-30T00:00:00Z',
    '0001-01-01T00:00:00Z',
  ],
  ...[
    'reserved:host',
    'reserved:world',
    'reserved:init',
    'k8s:app=web',
    'cidr:10.0.0.0/8',
    'ü\u2028\ud800',
  ],
  ...['12', '-1', '4', 'Struct', '00000000-0000-4000-8000-00000000000A', '\u0000', 'a"b\\c'],
  ...[true, false, null, 0, 1, 2, 4, 5, 7, 129, 133, 181, 53, 1023, 1024, 32_767, 32_768, 65_535],
  ...[
    65_536,
    -1,
    1.5,
    1e3,
    1e300,
    [],
    {},
    ['a'],
    { type: 5 },
    { SYN: true },
    { SYN: true, ACK: true },
  ],
]

const keys = [
  ...[
    'flow',
    'time',
    'node_name',
    'cluster_name',
    'uuid',
    'verdict',
    'IP',
    'l4',
    'TCP',
    'UDP',
    'SCTP',
  ],
  ...[
    'ICMPv4',
    'source',
    'destination',
    'labels',
    'namespace',
    'pod_name',
    'identity',
    'ID',
    'Type',
  ],
  ...[
    'source_port',
    'destination_port',
    'flags',
    'is_reply',
    'isReply',
    'reply',
    'event_type',
    'eventType',
  ],
  ...[
    'sub_type',
    'type',
    'traffic_direction',
    'trafficDirection',
    'trace_observation_point',
    'l7',
    'dns',
  ],
  ...[
    'trace_reason',
    'drop_reason',
    'drop_reason_desc',
    'policy_match_type',
    'sock_xlate_point',
    'ips',
  ],
  ...[
    'destination_names',
    'source_names',
    'aggregate',
    'ingress_flow_count',
    'extensions',
    '@type',
  ],
  ...[
    'auth_type',
    'encrypted',
    'query',
    'rcode',
    'cnames',
    'lost_events',
    'node_status',
    'apiVersion',
  ],
  ...[
    'sourcePort',
    'podName',
    'nodeName',
    'future_member',
    'FutureMember',
    '__proto__',
    'Summary',
    'a"b',
  ],
]

/** Makes changed lines. */
export class Mutator {
  private readonly random: () => number

  constructor(seed: number) {
    this.random = createRandom(seed)
  }

  /** Returns a line that is valid JSON, changed in up to three places: values, members, their order, or characters. */
  valid(line: string): string {
    for (;;) {
      const changed = this.number(3) === 0 ? this.edited(line) : this.rebuilt(line)
      if (isJson(changed) && !changed.includes('\n')) return changed
    }
  }

  /** Returns a line that is no valid JSON. */
  damaged(line: string): string {
    for (;;) {
      const changed = this.edited(line)
      if (!isJson(changed) && !changed.includes('\n')) return changed
    }
  }

  /** Returns the items in another order. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, at: this.random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }

  private number(count: number): number {
    return Math.floor(this.random() * count)
  }

  private pick<Item>(list: readonly Item[]): Item {
    return list[this.number(list.length)] as Item
  }

  private rebuilt(line: string): string {
    const holder: Record<string, unknown> = { root: JSON.parse(line) }
    for (let times = 1 + this.number(3); times > 0; times--) this.change(holder)
    const text = JSON.stringify(holder['root'] ?? null)
    return this.number(12) === 0 ? this.twice(text) : text
  }

  private change(holder: Record<string, unknown>): void {
    const places = placesOf(holder)
    if (places.length === 0) return
    const [object, key] = this.pick(places)
    switch (this.number(6)) {
      case 0:
        object[key] = this.pick(words)
        break
      case 1:
        delete object[key]
        break
      case 2: {
        const other = object[key]
        if (typeof other === 'object' && other !== null && !Array.isArray(other)) {
          ;(other as Record<string, unknown>)[this.pick(keys)] = this.pick(words)
        }
        break
      }
      case 3: {
        const value = object[key]
        delete object[key]
        object[this.pick(keys)] = value
        break
      }
      case 4: {
        const entries = this.shuffled(Object.entries(object))
        for (const [name] of entries) delete object[name]
        for (const [name, value] of entries) object[name] = value
        break
      }
      default: {
        const [from, name] = this.pick(places)
        object[key] = from[name]
        // Nothing may hold itself.
        if (!isTree(holder)) object[key] = 'web'
      }
    }
  }

  /** A member that stands twice: the last one counts. */
  private twice(text: string): string {
    const at = text.indexOf('"', this.number(text.length))
    const key = this.pick(keys)
    return at < 0
      ? text
      : `${text.slice(0, at)}${JSON.stringify(key)}:${JSON.stringify(this.pick(words))},${text.slice(at)}`
  }

  private edited(line: string): string {
    let text = line
    for (let times = 1 + this.number(3); times > 0; times--) {
      const at = this.number(text.length)
      const length = this.number(4)
      const added = this.pick([
        ...[
          '',
          '"',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '\\',
          '0',
          '9',
          '-',
          '.',
          'e',
          ' ',
          '\t',
          'x',
          'é',
          '\u0001',
        ],
        ...['\\u00e9', '\\n', '\\x', 'true', 'null', '""', ',"a":1', '{}', '\ud83d\ude00'],
        text.slice(at, at + 1 + this.number(30)),
      ])
      text = text.slice(0, at) + added + text.slice(at + length)
    }
    return text
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isTree(value: unknown): boolean {
  try {
    return JSON.stringify(value).length < 20_000
  } catch {
    return false
  }
}

type Holder = Record<string, unknown>

function placesOf(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    [value as Holder, key] as [Holder, string],
    ...placesOf(inner),
  ])
}
