/** The flags of members that learn together, and of the topic they learn into, as the rows of `options.ts`. */

/** Flags of `learn`. */
export const group = [
  {
    group: 'Kafka source',
    flags: '--group <name>',
    text: 'learn as a member of this consumer group, into --state-topic',
  },
  {
    group: 'Kafka source',
    flags: '--state-topic <name>',
    text: 'the compacted topic of what a group learned together',
  },
  {
    group: 'Kafka source',
    flags: '--window <duration>',
    text: 'forget in the state topic what was not seen for so long (7d, 30d)',
  },
  {
    group: 'Kafka source',
    flags: '--flush <duration>',
    text: 'how often a member makes durable what it read',
    fallback: '10s',
  },
  {
    group: 'Kafka source',
    flags: '--session-timeout <duration>',
    text: 'when the partitions of a silent member go to others',
    fallback: '45s',
  },
] as const

/** Flags of `kafka init`. */
export const stateTopic = [
  {
    group: 'Kafka source',
    flags: '--state-topic <name>',
    text: 'the compacted topic of what a group learned together',
  },
  {
    group: 'Kafka source',
    flags: '--replication-factor <count>',
    text: 'replicas of the state topic',
    fallback: "the broker's",
  },
] as const
