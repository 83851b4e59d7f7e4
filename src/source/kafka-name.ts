/** Names of Kafka sources: `kafka://broker[,broker]/topic[,topic]`, with `kafkas` for TLS. */
import { NetweirError } from '../errors.ts'

/** What a name means. */
export interface KafkaName {
  /** `host:port` */
  readonly brokers: readonly string[]
  readonly topics: readonly string[]
  readonly isTls: boolean
}

const shape = /^kafka(s?):\/\/([^/?#\s]+)\/([A-Za-z0-9._-]{1,249}(?:,[A-Za-z0-9._-]{1,249})*)$/
const address = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

const defaultPort = 9092

/** Returns what a name means. @throws {NetweirError} `USAGE`. */
export function parseKafkaName(name: string): KafkaName {
  const [, tls, hosts = '', topics = ''] = shape.exec(name) ?? []
  const brokers = hosts.split(',')
  if (!brokers.every((broker) => address.test(broker))) {
    throw new NetweirError('USAGE', `no Kafka source: "${name.slice(0, 200)}"`, {
      hint: 'expected kafka://BROKER[,BROKER]/TOPIC[,TOPIC], with kafkas:// for TLS; passwords never stand in it',
    })
  }
  return {
    brokers: brokers.map((broker) => (/:\d+$/.test(broker) ? broker : `${broker}:${defaultPort}`)),
    topics: [...new Set(topics.split(','))],
    isTls: tls === 's',
  }
}
