;;; session.el --- A session in a real Emacs with eglot  -*- lexical-binding: t; -*-

;;; Commentary:

;; A misspelt dim is marked, the code action repairs it, and the other features answer.  Run by ../run with MODE (editors/emacs/blueprint-mode.el),
;; FOLDER (copies of the fixtures) and esperc on PATH.

;;; Code:

(require 'package)
(package-initialize)
(require 'eglot)
(require 'flymake)
(load (getenv "MODE"))

(defvar session-failures 0)

(defun session-check (name holds &optional detail)
  "Say whether NAME HOLDS, with DETAIL where it does not."
  (princ (format "    %s %s%s\n" (if holds "ok" "FAILED") name (if holds "" (format ": %S" detail))))
  (unless holds (setq session-failures (1+ session-failures))))

(defun session-wait (condition)
  "Wait until CONDITION gives something, and give that."
  (let ((end (+ (float-time) 20)) value)
    (while (and (not (setq value (funcall condition))) (< (float-time) end))
      (accept-process-output nil 0.05))
    value))

(condition-case problem
    (progn
      (find-file (expand-file-name "misspelt.blueprint" (getenv "FOLDER")))
      (session-check "the file is a blueprint" (eq major-mode 'blueprint-mode) major-mode)
      (apply #'eglot (eglot--guess-contact))
      (session-check "the server runs" (session-wait #'eglot-managed-p))
      (flymake-start)
      (let ((found (session-wait #'flymake-diagnostics)))
        (session-check "one diagnostic" (= (length found) 1) found)
        (when found
          (let ((text (buffer-substring (flymake-diagnostic-beg (car found)) (flymake-diagnostic-end (car found)))))
            (session-check "at the misspelt dim" (equal text "hiden") text))
          (session-check "an error that names it" (string-match-p "hiden" (flymake-diagnostic-text (car found)))
                         (flymake-diagnostic-text (car found)))
          (goto-char (flymake-diagnostic-beg (car found)))
          (let* ((actions (eglot-code-actions (point) (flymake-diagnostic-end (car found)) "quickfix"))
                 (fix (seq-find (lambda (action) (string-match-p "hidden" (plist-get action :title))) actions)))
            (session-check "a quick fix is offered" fix actions)
            (when fix
              ;; newer versions are told where the edit comes from
              (if (= (car (func-arity #'eglot--apply-workspace-edit)) 1)
                  (eglot--apply-workspace-edit (plist-get fix :edit))
                (eglot--apply-workspace-edit (plist-get fix :edit) 'session))
              (session-check "it repairs the line"
                             (save-excursion (goto-char (point-min)) (search-forward "layer first = Linear(hidden)" nil t))
                             (buffer-string))
              ;; a timer sends changes once Emacs is idle, which it never is without a terminal
              (eglot--signal-textDocument/didChange)
              (session-check "the diagnostic goes away"
                             (session-wait (lambda () (flymake-start) (null (flymake-diagnostics))))
                             (flymake-diagnostics))))))
      (goto-char (point-min))
      (search-forward "|> first")
      (let ((places (xref-backend-definitions 'eglot (xref-backend-identifier-at-point 'eglot))))
        (session-check "definition" (and (= (length places) 1) (string-match-p "layer first" (xref-item-summary (car places)))) places))
      (goto-char (point-min))
      (search-forward "layer last = Linear")
      (goto-char (match-beginning 0))
      (insert "  ")
      (eglot-format-buffer)
      (session-check "formatting" (save-excursion (goto-char (point-min)) (search-forward "\n    layer last = Linear(10)\n" nil t)) (buffer-string))
      (goto-char (point-min))
      (search-forward "layer first")
      (goto-char (match-beginning 0))
      (font-lock-ensure)
      (session-check "`layer` is a keyword" (eq (get-text-property (point) 'face) 'font-lock-keyword-face) (get-text-property (point) 'face))
      (goto-char (point-min))
      (search-forward "let h")
      (beginning-of-line)
      (delete-horizontal-space)
      (indent-for-tab-command)
      (session-check "indentation" (= (current-indentation) 8) (current-indentation))
      (set-buffer-modified-p nil)
      (eglot-shutdown (eglot-current-server))
      (session-check "the server stops" t))
  (error (session-check "the session" nil problem)))
(kill-emacs (if (= session-failures 0) 0 1))

(provide 'session)
;;; session.el ends here
