; Marks such as NOTE in comments.

((comment) @injection.content
  (#set! injection.language "comment"))
