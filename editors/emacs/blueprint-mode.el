;;; blueprint-mode.el --- Blueprints: neural networks that grow while they train  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0
;; Package-Requires: ((emacs "28.1"))

;;; Commentary:

;; A major mode with colours and indentation, and the language server through eglot (part of Emacs 29, a package before).

;;; Code:

(defgroup blueprint nil
  "Blueprints."
  :group 'languages)

(defcustom blueprint-server-command '("esperc" "lsp")
  "The language server and its arguments."
  :type '(repeat string)
  :group 'blueprint)

(defvar blueprint-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 12" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?_ "_" table)
    table)
  "Comments begin with two slashes, strings stand between quotes.")

(defconst blueprint-font-lock-keywords
  `((,(regexp-opt '("use" "const" "fn" "grad" "blueprint" "optimizer" "policy" "train" "param" "state" "layer" "slot" "forward"
                    "update" "grow" "require" "let" "if" "else" "for" "in" "from" "by" "as" "when" "and" "or" "not")
                  'symbols)
     . font-lock-keyword-face)
    (,(regexp-opt '("f32" "f16" "bf16" "i32" "u8" "bool" "dim" "int" "float" "str" "time" "axis" "init") 'symbols)
     . font-lock-type-face)
    (,(regexp-opt '("true" "false" "training" "inf") 'symbols) . font-lock-constant-face)
    ("\\_<[A-Z][A-Za-z0-9_]*\\_>" . font-lock-type-face)
    ("\\_<\\([a-z_][A-Za-z0-9_]*\\)(" 1 font-lock-function-name-face))
  "What is coloured.")

(defun blueprint-indent-line ()
  "Indent by four spaces for each bracket that is open."
  (interactive)
  (let* ((depth (save-excursion
                  (back-to-indentation)
                  (- (car (syntax-ppss)) (if (looking-at "[])}]") 1 0))))
         (column (* 4 (max 0 depth)))
         (in-text (> (current-column) (current-indentation))))
    (if in-text (save-excursion (indent-line-to column)) (indent-line-to column))))

;;;###autoload
(define-derived-mode blueprint-mode prog-mode "Blueprint"
  "Major mode for blueprints."
  (setq-local comment-start "// ")
  (setq-local comment-start-skip "//[/!]?[ \t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local indent-line-function #'blueprint-indent-line)
  (setq-local font-lock-defaults '(blueprint-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.blueprint\\'" . blueprint-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs (cons 'blueprint-mode (lambda (&rest _) blueprint-server-command))))

(provide 'blueprint-mode)
;;; blueprint-mode.el ends here
