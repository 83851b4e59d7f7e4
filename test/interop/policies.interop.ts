/** What netweir says of Cilium policies, and what Cilium says of the same ones. */
import { describe, expect, test } from 'vitest'
import { casePolicy, ciliumCases } from '../support/cilium-cases.ts'
import { askCilium } from './policies.ts'

describe('Cilium takes what netweir takes, and refuses what it refuses', () => {
  const answers = askCilium(ciliumCases.map(casePolicy))
  test.each(ciliumCases.map((one, index) => ({ ...one, answer: answers[index] })))(
    '$what',
    ({ problem, stricter, answer }) => {
      if (problem === undefined || stricter === true) expect(answer).toBe('')
      else expect(answer).not.toBe('')
    },
  )
})
