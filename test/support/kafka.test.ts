import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { describeBroker, describeKafka, topicName } from './kafka.ts'

const { Kafka, logLevel, Partitioners } = kafkajs

await describeKafka('a broker', (address) => {
  test('keeps what is produced', async () => {
    const kafka = new Kafka({ brokers: [address()], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    const topic = topicName('support')
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2 }] })
    await producer.connect()
    await producer.send({ topic, messages: [{ partition: 1, value: 'hello' }] })
    const offsets = await admin.fetchTopicOffsets(topic)
    expect(offsets.map(({ partition, high }) => `${partition}: ${high}`).sort()).toEqual([
      '0: 0',
      '1: 1',
    ])
    await producer.disconnect()
    await admin.disconnect()
  })
})

await describeBroker('a broker that is killed', (broker) => {
  test('has its data when it is started again', async () => {
    const connect = () =>
      new Kafka({ brokers: [broker().plaintext], logLevel: logLevel.NOTHING }).admin()
    const admin = connect()
    const topic = topicName('support')
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic }] })
    await admin.disconnect()
    await broker().kill()
    await broker().start()
    const again = connect()
    expect(await again.listTopics()).toContain(topic)
    await again.disconnect()
  })
})
