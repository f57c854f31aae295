; Other languages inside: documentation is Markdown, comments carry marks such as NOTE.

((comment) @injection.content
  (#set! injection.language "comment"))

([(documentation) (file_documentation)] @injection.content
  (#offset! @injection.content 0 3 0 0)
  (#set! injection.combined)
  (#set! injection.language "markdown"))
