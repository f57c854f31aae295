" Files that are blueprints.
autocmd BufRead,BufNewFile *.blueprint setfiletype blueprint
