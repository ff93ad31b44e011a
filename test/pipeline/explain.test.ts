import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePlaybook } from '../../src/adapters/yaml-playbook.ts'
import { createExplain } from '../../src/app-explain.ts'
import { readConfig } from '../../src/config.ts'
import { pipelineWorld } from '../support/service-pipeline.ts'
import { blocking, OUR_RULE } from '../support/service-stage.ts'
import { SETTINGS } from '../support/settings.ts'

const ENTRY = '203.0.113.9'
const env = { ALLOW_DOCUMENTATION_RANGES: 'true' }

describe('explaining', () => {
  it('knows a person’s entry that a pass takes over between its looks at the bans and at the edge', async () => {
    const world = pipelineWorld({ env })
    const [shop] = world.edges
    const expression = `(ip.src in {${ENTRY}})`
    shop?.edit(() => [{ description: OUR_RULE, action: 'block', enabled: true, expression }])
    let looks = 0
    const friends = async () => {
      if (looks++ === 0) await world.tick()
      return world.pipeline.friends()
    }
    const explain = createExplain(
      {
        ...{ config: readConfig({ ...SETTINGS, ...env }), records: world.records, clock: world.clock },
        edges: world.edges.map(({ port }) => port),
        friends,
        playbooks: () => [{ playbook: parsePlaybook(blocking('1h'), 'block.yaml') }],
      },
      'this world',
    )
    const { edges } = await explain(JSON.stringify({ alerts: [{ _id: 'a1', source: { ip: '203.0.113.7' } }] }))
    deepEqual(
      edges.map(({ before, after }) => [before, after]),
      [[expression, `(ip.src in {${ENTRY} 203.0.113.7})`]],
    )
  })
})
