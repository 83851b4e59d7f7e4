/** The bound of every wait for a broker. */

/** Rejects when there is no answer in time. What comes later is nobody's business. */
export function within<T>(answer: Promise<T>, waitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${Math.round(waitMs / 1000)} s`)),
      waitMs,
    )
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
