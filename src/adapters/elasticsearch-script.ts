/*
 * Painless, run by Elasticsearch on each alert at the moment of its update, so that a person who is faster is never overruled. The texts
 * never change, so that each is compiled once. Alerts keep their framework fields under dotted keys, and old ones a `signal.status`
 * beside them. The cases are those of `judge` in elasticsearch-mark.ts.
 */

const READ_TAGS = `
def source = ctx._source;
def old = source['kibana.alert.workflow_tags'];
List tags = new ArrayList();
if (old instanceof List) { tags.addAll(old); } else if (old != null) { tags.add(old); }
List kept = new ArrayList();
for (def tag : tags) {
  if (!tag.toString().startsWith('portcullis:')) { kept.add(tag); }
}
`

/** Parameter: `tag`, which takes the place of our other tags. */
export const TAG_SCRIPT = `${READ_TAGS}
kept.add('portcullis:' + params.tag);
if (kept.equals(tags)) {
  ctx.op = 'noop';
} else {
  source['kibana.alert.workflow_tags'] = kept;
}
`

/** Parameters: the `status` that is wanted, the `tag` that says why, `now` as ISO 8601. */
export const STATUS_SCRIPT = `${READ_TAGS}
def status = source['kibana.alert.workflow_status'];
boolean ours = kept.size() < tags.size();
boolean change = params.status == 'open' ? (ours && status == 'acknowledged') : status == 'open';
boolean mayTag = change;
if (status == params.status) {
  change = false;
  mayTag = ours || status == 'open';
}
if (mayTag) { kept.add('portcullis:' + params.tag); }
if (change || (mayTag && !kept.equals(tags))) {
  source['kibana.alert.workflow_tags'] = kept;
  if (change) {
    source['kibana.alert.workflow_status'] = params.status;
    source['kibana.alert.workflow_status_updated_at'] = params.now;
    if (source.signal instanceof Map && source.signal.status != null) { source.signal.status = params.status; }
  }
} else {
  ctx.op = 'noop';
}
`
