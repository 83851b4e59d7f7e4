import { expect, test } from 'vitest'
import { outcomes } from '../../src/flow/flow.ts'
import { outcomeTexts } from '../../src/report/outcomes.ts'

test('every outcome has words of its own, and nothing else has', () => {
  expect(Object.keys(outcomeTexts)).toEqual([...outcomes])
  const phrases = outcomes.map((outcome) => outcomeTexts[outcome].phrase)
  expect(new Set(phrases).size).toBe(outcomes.length)
})

test.each(outcomes)('the words of %s are phrases', (outcome) => {
  const { phrase, advice } = outcomeTexts[outcome]
  expect(phrase).toMatch(/^\S.*[^.\s]$/)
  expect(advice).toMatch(/^$|^\S.*[^.\s]$/)
})
