/** The flags of Kafka sources, as the rows of `options.ts`. */

/** Accepted values of `--sasl`. */
export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const

/** Flags of every command that reads sources. */
export const kafka = [
  {
    group: 'Kafka source',
    flags: '--state <file>',
    text: 'go on where the last run stopped, and keep set and positions in this file',
  },
  {
    group: 'Kafka source',
    flags: '--until-end',
    text: 'stop at the ends that the partitions had at the start, even with --for',
    fallback: 'without --for and --follow',
  },
  {
    group: 'Kafka source',
    flags: '--sasl <mechanism>',
    text: 'log in to the brokers',
    choices: ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'],
  },
  {
    group: 'Kafka source',
    flags: '--sasl-user <name>',
    text: 'user to log in as',
  },
  {
    group: 'Kafka source',
    flags: '--sasl-password-file <file>',
    text: 'file that holds the password',
    fallback: 'the variable NETWEIR_KAFKA_PASSWORD',
  },
  {
    group: 'Kafka source',
    flags: '--sasl-token-file <file>',
    text: 'file that holds the token of oauthbearer',
    fallback: 'the variable NETWEIR_KAFKA_TOKEN',
  },
  {
    group: 'Kafka source',
    flags: '--dlq-topic <topic>',
    text: 'topic that values go to which are no flows',
  },
  {
    group: 'Kafka source',
    flags: '--max-bad-ratio <part>',
    text: 'fail when more of the values than this part are no flows',
    fallback: '0.5',
  },
  {
    group: 'Kafka source',
    flags: '--explain-format',
    text: 'say in which formats the values came',
  },
] as const
