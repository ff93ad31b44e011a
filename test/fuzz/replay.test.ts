import { ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findings } from '../support/fuzz-run.ts'
import { TARGETS } from '../support/fuzz-targets.ts'

describe('what fuzzing found once', () => {
  for (const [name, kept] of Map.groupBy(findings(), ({ finding }) => finding.target))
    it(`stays mended: ${name}`, async (t) => {
      const open = TARGETS[name]
      ok(open, `no target is called ${name}`)
      const { target, close } = await open()
      t.after(close)
      for (const { file, finding } of kept)
        await t.test(`${file}: ${finding.found.split('\n', 1)[0]}`, () => target.holds(finding.input))
    })
})
