import { describe, it } from 'node:test'
import { playbookTarget } from '../support/fuzz-playbook.ts'
import { fuzz } from '../support/fuzz-run.ts'

describe('a playbook’s file, whatever it is', () => {
  it('is read, or refused with the line and column of every mistake, in time', async (t) => {
    await fuzz(t, playbookTarget().target, 3_500)
  })
})
