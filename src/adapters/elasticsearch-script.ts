/**
 * Painless, run by Elasticsearch on each alert at the moment of its update, so that a person who is faster is never overruled.
 * Parameters: `marks`: by id of the alert `{ status, tag }`, where status may be null; `now`: ISO 8601. The text never changes, so
 * that it is compiled once. Alerts keep their framework fields under dotted keys, and old ones a `signal.status` beside them.
 * The cases are those of `judge` in elasticsearch-mark.ts.
 */
export const MARK_SCRIPT = `
def mark = params.marks[ctx._id];
def source = ctx._source;
def status = source['kibana.alert.workflow_status'];
def old = source['kibana.alert.workflow_tags'];
List tags = new ArrayList();
if (old instanceof List) { tags.addAll(old); } else if (old != null) { tags.add(old); }
List kept = new ArrayList();
for (def tag : tags) {
  if (!tag.toString().startsWith('portcullis:')) { kept.add(tag); }
}
boolean ours = kept.size() < tags.size();
boolean change = false;
boolean mayTag = false;
if (mark != null) {
  if (mark.status == null) {
    mayTag = true;
  } else if (mark.status == status) {
    mayTag = ours || status == 'open';
  } else if (mark.status == 'open') {
    change = ours && status == 'acknowledged';
  } else {
    change = status == 'open';
  }
}
if (change || mayTag) { kept.add('portcullis:' + mark.tag); }
if (change || (mayTag && !kept.equals(tags))) {
  source['kibana.alert.workflow_tags'] = kept;
  if (change) {
    source['kibana.alert.workflow_status'] = mark.status;
    source['kibana.alert.workflow_status_updated_at'] = params.now;
    if (source.signal instanceof Map && source.signal.status != null) { source.signal.status = mark.status; }
  }
} else {
  ctx.op = 'noop';
}
`
