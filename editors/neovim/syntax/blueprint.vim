" Colours without tree-sitter.
if exists('b:current_syntax')
  finish
endif
syntax keyword blueprintItem blueprint optimizer policy train fn grad use const
syntax keyword blueprintLine param state layer slot forward update require let grow
syntax keyword blueprintWord from by as when in and or not
syntax keyword blueprintControl if else for
syntax keyword blueprintType f32 f16 bf16 i32 u8 bool dim int float str time axis init
syntax keyword blueprintBoolean true false training inf
syntax match blueprintUpper /\<[A-Z]\w*\>/
syntax match blueprintCall /\<\l\w*\ze(/
syntax match blueprintField /\<\l\w*\ze\s*=[^=]/
syntax match blueprintNumber /\<\d[0-9_]*\(\.\d[0-9_]*\)\=\([eE][+-]\=\d\+\)\=\>/
syntax match blueprintOperator /|>\|->\|:=\|\.\./
syntax match blueprintComment /\/\/.*$/ contains=@Spell
syntax match blueprintDocumentation /\/\/[\/!].*$/ contains=@Spell
syntax match blueprintComment /\/\/\/\/.*$/ contains=@Spell
syntax region blueprintString start=/"/ skip=/\\./ end=/"/ oneline
highlight default link blueprintItem Keyword
highlight default link blueprintLine Keyword
highlight default link blueprintWord Keyword
highlight default link blueprintControl Conditional
highlight default link blueprintType Type
highlight default link blueprintBoolean Boolean
highlight default link blueprintUpper Structure
highlight default link blueprintCall Function
highlight default link blueprintField Identifier
highlight default link blueprintNumber Number
highlight default link blueprintOperator Operator
highlight default link blueprintComment Comment
highlight default link blueprintDocumentation SpecialComment
highlight default link blueprintString String
let b:current_syntax = 'blueprint'
