# Writes sql/NNNN_name.sql into one source file that defines Migrations().
#   cmake -DOUT=file.cc -DFILES=a.sql;b.sql -P embed_sql.cmake
set(content "#include \"services/coordinator/migrations.h\"\n\nnamespace foundry::coordinator {\n\n")
string(APPEND content "const std::vector<Migration>& Migrations() {\n  static const auto* const all = new std::vector<Migration>{\n")
foreach(file IN LISTS FILES)
  get_filename_component(stem ${file} NAME_WE)
  string(REGEX MATCH "^0*([0-9]+)_(.*)$" _ ${stem})
  set(version ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  file(READ ${file} sql)
  string(APPEND content "      {${version}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
string(APPEND content "  };\n  return *all;\n}\n\n}  // namespace foundry::coordinator\n")
file(WRITE ${OUT} "${content}")
